"""How an answer differs from the reference, word by word, as a `diff` block that every editor shows readably.

The form is git's `--word-diff=porcelain`: each run of words on lines of its own, behind `  ` (in both), `- ` (only in
the reference) or `+ ` (only in the answer). Nothing in it has to be escaped.
"""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_WORDS = 300
"""Of each side that are compared: what is beyond is cut. So many take a fiftieth of a second, whatever they are, where
difflib takes seconds for texts of a few signs that come again and again."""

_SHORT = 72
"""Characters of a text that stands on one line of a hover, whole, under the other one."""
_ALIKE = 0.4
"""The share of the words that have to be in both: of fewer, a comparison is harder to read than the two texts."""
_CONTEXT = 160
"""Characters of what is the same that are shown between two differences."""

_DENSE = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"(?:[{_DENSE}]|[^\W{_DENSE}]+|[^\w\s])\s*|\s+")
"""A word or a sign with the white space behind it; Chinese and Japanese have none between words, so each character."""
_LINE_END = re.compile(r"\r\n|\r|\n")


class Kind(StrEnum):
    """Where words stand."""

    BOTH = "  "
    REFERENCE = "- "
    ANSWER = "+ "


class Part(NamedTuple):
    """Words that stand together. Of BOTH, as the answer has them: white space within a line may be another."""

    kind: Kind
    text: str


def compare(reference: str, answer: str) -> list[Part]:
    """What is in both, only in the reference and only in the answer, in order. Reads all of both."""
    before, after = _WORD.findall(reference), _WORD.findall(answer)
    texts: list[tuple[Kind, str]] = []
    first = start = 0
    for one, other in [*_common(_keys(before), _keys(after)), (len(before), len(after))]:
        texts += [(Kind.REFERENCE, word) for word in before[first:one]]
        texts += [(Kind.ANSWER, word) for word in after[start:other]]
        texts += [(Kind.BOTH, word) for word in after[other : other + 1]]
        first, start = one + 1, other + 1
    return [Part(kind, "".join(word for _, word in run)) for kind, run in groupby(texts, key=lambda one: one[0])]


def _common(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The places of a longest common subsequence in both, in order."""
    rows = [[0] * (len(after) + 1)]
    for word in reversed(before):  # from the end, so that the way through is found from the beginning
        below, row = rows[-1], [0] * (len(after) + 1)
        for index in range(len(after) - 1, -1, -1):
            row[index] = below[index + 1] + 1 if word == after[index] else max(below[index], row[index + 1])
        rows.append(row)
    rows.reverse()
    one = other = 0
    while one < len(before) and other < len(after):
        if before[one] == after[other]:
            yield one, other
            one, other = one + 1, other + 1
        elif rows[one + 1][other] >= rows[one][other + 1]:
            one += 1
        else:
            other += 1


def shown(reference: str, answer: str) -> str | None:
    """The lines of the block. None when the two have too little in common, or nothing that differs."""
    reference, answer = reference.strip(), answer.strip()
    if reference != answer and _is_short(reference) and _is_short(answer):
        return "\n".join(_lines([Part(Kind.REFERENCE, reference), Part(Kind.ANSWER, answer)]))
    parts = differences(reference, answer)
    return None if parts is None else "\n".join(_lines(list(_shortened(parts))))


def differences(reference: str, answer: str) -> list[Part] | None:
    """What they have in common and what not. None when that is too little, or nothing differs."""
    reference, answer = reference.strip(), answer.strip()
    if reference == answer:
        return None
    parts = compare(cut(reference), cut(answer))
    return None if _share(parts) < _ALIKE else parts


def cut(text: str) -> str:
    """The text as far as it is compared."""
    for count, word in enumerate(_WORD.finditer(text), start=1):
        if count == MOST_WORDS:
            return text[: word.end()]
    return text


def _keys(words: Sequence[str]) -> list[str]:
    """What makes words the same: blanks behind them do not count, ends of lines do."""
    return [word.rstrip() + ("\n" if _LINE_END.search(word) else "") for word in words]


def _is_short(text: str) -> bool:
    return len(text) <= _SHORT and not _LINE_END.search(text)


def _share(parts: Sequence[Part]) -> float:
    """Of the characters of both texts, those that are in both."""
    both = sum(len(part.text) for part in parts if part.kind is Kind.BOTH)
    other = sum(len(part.text) for part in parts if part.kind is not Kind.BOTH)
    return 2 * both / max(2 * both + other, 1)


def _shortened(parts: Sequence[Part]) -> Iterator[Part]:
    """With no more of what is the same than shows where it is that the two differ."""
    for index, part in enumerate(parts):
        if part.kind is not Kind.BOTH or len(part.text) <= _CONTEXT:
            yield part
            continue
        half = _CONTEXT // 2
        head = part.text[:half] if index else ""
        tail = part.text[-half:] if index < len(parts) - 1 else ""
        yield Part(part.kind, f"{head} … {tail}".strip())


def _lines(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        text = part.text
        if not text.strip():  # nothing but white space differs: that has to be seen
            text = _LINE_END.sub("⏎", text).replace(" ", "␣").replace("\t", "⇥")
        *whole, last = _LINE_END.split(text)
        for line in [*whole, last] if last.strip() else whole:
            yield f"{part.kind.value}{line}".rstrip()
