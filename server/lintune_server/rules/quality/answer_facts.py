"""What is kept of every sample's answer to find the ones that are unlike the rest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from zlib import crc32

import orjson

from lintune_server.lint.data_set import fact

if TYPE_CHECKING:
    from lintune_server.lint.sample import Line

NO_ANSWER, PROSE, OBJECT, OTHER_JSON = range(4)
"""What an answer is: none (but a tool call, perhaps), text, a JSON object, a JSON list."""

SEEN = 8
"""Bytes that are kept of how an answer begins, and its last line."""


@fact("Q", 4)
def answer_shape(line: Line) -> tuple[int, int, int, int]:
    """What the answers are, the keys of the last one (a hash), how that begins, and how its last line begins.

    Of answers that are partly JSON: `PROSE`. The last line counts only where there are several.
    """
    answers = line.taught
    if not answers:
        return NO_ANSWER, 0, 0, 0
    text = answers[-1].text.strip()
    if not text:
        return NO_ANSWER, 0, 0, 0
    value = json_of(text)
    form = PROSE if value is None else OBJECT if type(value) is dict else OTHER_JSON
    if len(answers) > 1 and form != PROSE and any(json_of(answer.text) is None for answer in answers[:-1]):
        form = PROSE
    break_ = text.rfind("\n") + 1
    last = int.from_bytes(text[break_ : break_ + SEEN].encode()[:SEEN].ljust(SEEN), "big") if break_ else 0
    return form, keys_hash(value), int.from_bytes(text[:SEEN].encode()[:SEEN].ljust(SEEN), "big"), last


def json_of(text: str) -> Any:
    """The JSON object or list that a text is; None when it is none."""
    text = text.strip()
    if text[:1] not in ("{", "["):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def keys_hash(value: Any) -> int:
    """The same for objects with the same keys, in whatever order; 0 for what is no object."""
    return crc32("\n".join(sorted(value)).encode()) + 1 if type(value) is dict else 0


@fact("I", 2)
def lengths(line: Line) -> tuple[int, int]:
    """Characters of all prompts, the system's aside, and of all answers."""
    prompts = answers = 0
    for text in line.texts:
        if not text.learned and text.role != "system":
            prompts += len(text.text)
    for answer in line.taught:
        answers += len(answer.text)
    return min(prompts, 0xFFFFFFFF), min(answers, 0xFFFFFFFF)


NOT_PROSE, CLOSED, DANGLING, BARE, OPEN_FENCE = range(5)
"""How an answer ends: with the mark of a sentence's end, in the midst of one, with a word, or in a code fence."""

_CLOSING = frozenset(".!?…:;\"')]}>”’»*_`|。！？」』）؟।")
_OPENING = frozenset(",([{“„«、，")
_DANGLING_WORDS = frozenset(
    (
        *("the", "a", "an", "and", "or", "but", "of", "to", "in", "with", "for", "is", "are", "was", "were", "because"),
        *("that", "which", "from", "by", "as", "at", "on", "their", "his", "her", "its", "than", "if", "when", "while"),
    )
)
_FEWEST_WORDS = 4
"""Words of a last line that can be told from a name or a heading."""
_ITEM = re.compile(r"\s*(?:[-*•+|#>~$]|\.\.|\d+[.)]|[A-Za-z][.)]\s|https?://)|    |\t")
"""An item of a list, a heading, a row of a table, code: none of them needs a mark at its end."""


@fact("B")
def ending(line: Line) -> int:
    """How the last answer ends, when it is prose."""
    answers = line.taught
    if not answers:
        return NOT_PROSE
    return ending_of(answers[-1].text)


def ending_of(text: str) -> int:
    if "```" in text and text.count("```") % 2 and re.search(r"^[ \t]*```", text, re.MULTILINE):
        return OPEN_FENCE
    text = text.rstrip()
    last = text[-1:]
    if last in _CLOSING:
        return CLOSED
    if not (last.isalpha() or last in _OPENING):
        return NOT_PROSE
    line = text[text.rfind("\n") + 1 :]
    word = line[line.rfind(" ") + 1 :]
    if line.count(" ") < _FEWEST_WORDS or _ITEM.match(line) or "/" in word:
        return NOT_PROSE
    return DANGLING if last in _OPENING or word in _DANGLING_WORDS else BARE
