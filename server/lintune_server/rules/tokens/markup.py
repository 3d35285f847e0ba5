"""What chat templates write around messages, found in the messages themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lintune_server.lint.patterns import lazily

if TYPE_CHECKING:
    from collections.abc import Mapping


class Markup(NamedTuple):
    """The first piece of a template's markup in a text, half-open, and whose it is."""

    template: str
    start: int
    end: int


_ROLES = "(?:system|developer|user|assistant|model|tool|function|ipython)"

_OPENINGS: Mapping[str, str] = {
    "ChatML": rf"<\|im_start\|>{_ROLES}[ \t]*(?:\n|\Z)",
    "Llama 3": rf"<\|start_header_id\|>{_ROLES}<\|end_header_id\|>",
    "Gemma": rf"<start_of_turn>{_ROLES}[ \t]*(?:\n|\Z)",
    "Gemma 4": rf"<\|turn>{_ROLES}[ \t]*(?:\n|\Z)",
    "gpt-oss": rf"<\|start\|>{_ROLES}(?:<\|channel\|>[a-z]+)?<\|message\|>",
    "Phi or Zephyr": rf"<\|(?:{_ROLES}|prompter)\|>",
    "Llama 2": r"\[INST\](?=.*\[/INST\])|\[/INST\]",
}
"""How a turn begins in the templates in use. A text that begins so is a whole templated turn. In the middle of a text
such tokens may be what it is about, or an injection: they are for the rule about special tokens."""

_BOS = r"(?:<s>|<\|begin_of_text\|>|<bos>|<\|startoftext\|>|<\|endoftext\|>)?"

_BEGINNING = lazily(
    rf"\s*{_BOS}\s*(?:{'|'.join(f'(?P<t{index}>{opening})' for index, opening in enumerate(_OPENINGS.values()))})",
    re.DOTALL,
)
_NEXT_TURN = lazily(r"</s>\s{0,4}(?:<s>)?\s{0,4}(?P<turn>\[INST\])")
"""Llama 2's, between two turns that stand in one text."""

_PAIRS = (
    ("Alpaca", "Instruction", "Response"),
    ("Vicuna", "Human", "Assistant"),
    ("Vicuna", "User", "Assistant"),
)
"""Templates whose markup looks like a heading. It takes two of them, at the beginnings of lines, to make one."""
_HEADING = lazily(r"^#{2,3} ?(?P<name>Instruction|Human|User|Response|Assistant):(?=\s|\Z)", re.MULTILINE)
_PREAMBLE = "Below is an instruction that describes a task"

_CODE = lazily(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


def found_in(text: str, learned: bool) -> Markup | None:
    """The markup of a text that went through a chat template already. learned: whether the text is an answer."""
    if opening := _BEGINNING.match(text):
        index = next(index for index in range(len(_OPENINGS)) if opening.group(f"t{index}"))
        start, end = opening.span(f"t{index}")
        return Markup(list(_OPENINGS)[index], start, start + len(text[start:end].rstrip()))
    if not _NEXT_TURN.search(text) and not ("##" in text and _HEADING.search(text)):
        return None
    return _between(_without_code(text), learned)


def _between(text: str, learned: bool) -> Markup | None:
    following = _NEXT_TURN.search(text)
    if following and 0 <= text.find("[/INST]") < following.start():
        return Markup("Llama 2", *following.span("turn"))
    headings = list(_HEADING.finditer(text))
    for template, prompt, answer in _PAIRS:
        first = next((heading for heading in headings if heading["name"] == prompt), None)
        last = next((heading for heading in reversed(headings) if heading["name"] == answer), None)
        if first is None or last is None or last.start() < first.start():
            continue
        before, after = text[: first.start()].strip(), text[last.end() :].strip()
        # In the middle of a text they may be an example, or the headings of a document.
        if not before or not after or before.startswith(_PREAMBLE):
            return Markup(template, *first.span())
    if learned and headings and not text[: headings[0].start()].strip() and headings[0]["name"] in _ANSWERS:
        return Markup(_ANSWERS[headings[0]["name"]], *headings[0].span())
    return None


_ANSWERS = {answer: template for template, _, answer in _PAIRS}


def _without_code(text: str) -> str:
    """Markdown with white space for code, so that every place stays the same."""
    return _CODE.sub(lambda code: " " * len(code.group()), text)
