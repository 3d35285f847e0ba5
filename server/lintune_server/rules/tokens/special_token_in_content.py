from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Problem, Remedy, Value
from lintune_server.lint.rule import line_rule
from lintune_server.rules.tokens import markup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.samples import Layout, Path
    from lintune_server.lint.sample import Line

_CHATML, _LLAMA_3, _GEMMA, _PHI = "Qwen and SmolLM2", "Llama 3", "Gemma", "Phi and Zephyr"
_OTHERS = {
    "<|im_start|>": _CHATML,
    "<|im_end|>": _CHATML,
    "<|begin_of_text|>": _LLAMA_3,
    "<|end_of_text|>": _LLAMA_3,
    "<|start_header_id|>": _LLAMA_3,
    "<|end_header_id|>": _LLAMA_3,
    "<|eot_id|>": _LLAMA_3,
    "<|eom_id|>": _LLAMA_3,
    "<start_of_turn>": _GEMMA,
    "<end_of_turn>": _GEMMA,
    "<|turn>": _GEMMA,
    "<turn|>": _GEMMA,
    "<|system|>": _PHI,
    "<|user|>": _PHI,
    "<|assistant|>": _PHI,
    "<|end|>": _PHI,
    "<|endoftext|>": "GPT-2 and many others",
}
"""Special tokens that nobody writes by chance, and the models whose they are."""
_EOS = "</s>"
"""Of Llama 2 and Mistral. It is HTML, too, so of other models it counts only at the end of a text without `<s>`."""
_PYTHON_TAG = "<|python_tag|>"
"""With it Llama 3.1 begins an answer that is a call of a tool: there it is meant."""

_ESCAPED = re.compile(r"\\[u/]")
"""In JSON; other characters of these tokens cannot be."""


@line_rule("TK205", Severity.WARNING)
def special_token_in_content(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports the text of a special token inside a message, a tool call or a tool's declaration: the model's own ones, and
    the well-known ones of other models. In raw text, to which no chat template is applied, the model's own are meant.

    ## Why it hurts
    The tokenizer does not know who wrote it: `<|im_end|>` in a message ends the turn right there. It comes from
    scraped chats, from data that went through a chat template already, or from someone who wants to inject a turn.
    Another model's token is plain text to this one, which then learns to write it.

    ## Example
    ```json
    {"prompt": "Hi<|im_end|> there", "completion": "Hello!"}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi there", "completion": "Hello!"}
    ```

    ## Fix
    Takes the token's text out. Not safe: in data about chat templates the text may be meant.
    """
    tokenizer, layout = line.surroundings.tokenizer, line.layout
    tokens = _tokens(tokenizer)
    if not tokens.beginning.search(line.text) and not _ESCAPED.search(line.text):
        return
    if layout is None or line.sample is None or (tokenizer is None and not layout.templated):
        return
    for text in _texts(line):
        if not tokens.beginning.search(text.text):
            continue
        matches = [match for match in tokens.pattern.finditer(text.text) if _counts(match, text, layout, tokens.own)]
        if not matches or (layout.templated and text.is_message and markup.found_in(text.text, text.learned)):
            continue  # what TK211 reports
        # A token that is left when another is taken out of its middle would have to be taken out next.
        fixable = not tokens.pattern.search(tokens.pattern.sub("", text.text))
        for match in matches:
            token = match.group()
            spot = Value(text.path, match.start(), match.end())
            yield Problem(
                _message(token, tokens.own, tokenizer),
                spot,
                Remedy(f"Remove {token}", (Change(spot, ""),), safe=False) if fixable else None,
            )


class _Tokens(NamedTuple):
    own: frozenset[str]
    """The special tokens of the model; none when it is not known."""
    pattern: re.Pattern[str]
    """Any of them, and of other models'."""
    beginning: re.Pattern[str]
    """The first characters of any: quick to search for, and rarely there."""


@lru_cache(maxsize=8)
def _tokens(tokenizer: ChatTokenizer | None) -> _Tokens:
    own = frozenset(tokenizer.special_tokens if tokenizer else ())
    others = {token for token in (*_OTHERS, _EOS) if not tokenizer or tokenizer.tokenizer.token_to_id(token) is None}
    longest_first = sorted(own | others, key=len, reverse=True)
    beginnings = sorted({token[:3] for token in longest_first})
    return _Tokens(
        own, re.compile("|".join(map(re.escape, longest_first))), re.compile("|".join(map(re.escape, beginnings)))
    )


class _Text(NamedTuple):
    path: Path
    text: str
    learned: bool
    is_message: bool
    """False within calls of tools and their declarations."""


def _texts(line: Line) -> Iterator[_Text]:
    """Every text that the chat template writes."""
    for path, text, learned, *_ in line.texts:
        yield _Text(path, text, learned, is_message=True)
    for message in line.messages:
        if message.fields and (calls := message.fields.get("tool_calls")):
            yield from _strings(calls, (*message.path, "tool_calls"))
    if line.sample and line.layout and "tools" in line.layout.optional and "tools" in line.sample:
        yield from _strings(line.sample["tools"], ("tools",))


def _strings(value: Any, path: Path) -> Iterator[_Text]:
    if isinstance(value, str):
        yield _Text(path, value, learned=False, is_message=False)
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _strings(inner, (*path, key))


def _counts(match: re.Match[str], text: _Text, layout: Layout, own: frozenset[str]) -> bool:
    token = match.group()
    if token in own:
        return layout.templated and not (token == _PYTHON_TAG and text.learned and match.start() == 0)
    if token == _EOS:
        return layout.templated and not text.text[match.end() :].strip() and "<s>" not in text.text
    return True


def _message(token: str, own: frozenset[str], tokenizer: ChatTokenizer | None) -> str:
    if token in own:
        return f"{token} is a special token: here it is read as control, not as text."
    whose = _OTHERS.get(token, "Llama 2 and Mistral")
    if tokenizer is None:
        return f"{token} is a special token of {whose}: such a model reads it as control, not as text."
    return f"{token} is a special token of {whose}. To this model it is plain text, left over from another template."
