"""What chat templates write around messages, found in the messages themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

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
    "Harmony": rf"<\|start\|>{_ROLES}(?:<\|channel\|>[a-z]+)?<\|message\|>",
    "Zephyr or Phi": rf"<\|(?:{_ROLES}|prompter)\|>",
    "Llama 2": r"\[INST\](?=.*\[/INST\])|\[/INST\]",
}
"""How a turn begins in the templates in use. A text that begins so is a whole templated turn. In the middle of a text
such tokens may be what it is about, or an injection: they are for the rule about special tokens."""

_BOS = r"(?:<s>|<\|begin_of_text\|>|<bos>|<\|startoftext\|>|<\|endoftext\|>)?"

_BEGINNING = re.compile(
    rf"\s*{_BOS}\s*(?:{'|'.join(f'(?P<t{index}>{opening})' for index, opening in enumerate(_OPENINGS.values()))})",
    re.DOTALL,
)
_NEXT_TURN = re.compile(r"\[/INST\].*?</s>\s*(?:<s>)?\s*(?P<turn>\[INST\])", re.DOTALL)
"""Llama 2's, between two turns that stand in one text."""

_PAIRS = (
    ("Alpaca", "Instruction", "Response"),
    ("Vicuna", "Human", "Assistant"),
    ("Vicuna", "User", "Assistant"),
)
"""Templates whose markup looks like a heading: it takes both of them to make one, in lines by themselves."""

_HEADINGS = {
    (name, first): re.compile(
        rf"(?P<before>.*?)^(?P<first>#{{2,3}} ?{first}:)(?=\s).*?^(?P<second>#{{2,3}} ?{second}:)(?P<after>.*)\Z",
        re.DOTALL | re.MULTILINE,
    )
    for name, first, second in _PAIRS
}
_PREAMBLE = re.compile(r"\s*Below is an instruction that describes a task\b")
_ANSWER = re.compile(r"\s*(?P<second>#{2,3} ?(?:Response|Assistant):)(?:\n|\Z)")


def found_in(text: str, learned: bool) -> Markup | None:
    """The markup of a text that went through a chat template already. learned: whether the text is an answer."""
    if opening := _BEGINNING.match(text):
        index = next(index for index in range(len(_OPENINGS)) if opening.group(f"t{index}"))
        start, end = opening.span(f"t{index}")
        return Markup(list(_OPENINGS)[index], start, start + len(text[start:end].rstrip()))
    if (following := _NEXT_TURN.search(text)) and not _is_code(text, following.start()):
        return Markup("Llama 2", *following.span("turn"))
    if "#" not in text:
        return None
    for (name, _), pattern in _HEADINGS.items():
        if heading := pattern.match(text):
            # In the middle of a text they may be an example, or the headings of a document.
            framed = not heading["before"].strip() or not heading["after"].strip() or _PREAMBLE.match(text)
            if framed and not _is_code(text, heading.start("first")):
                return Markup(name, *heading.span("first"))
    if learned and (answer := _ANSWER.match(text)):
        return Markup("Alpaca", *answer.span("second"))
    return None


_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


def _is_code(text: str, place: int) -> bool:
    """Whether a place in Markdown is within code."""
    return any(code.start() <= place < code.end() for code in _CODE.finditer(text))
