from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule, line_rule
from lintune_server.rules.quality.reading import shortened, without_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lintune_schemas.samples import Text
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_SHORTEST = 80
"""Characters of an answer in which it can be told that it loops."""
_PROBE = 12
"""Characters that are looked for again, taken from a quarter, the half and the end of an answer."""
_TIMES = 4
"""As often has something to come in a row: three times is a figure of speech."""
_LEAST_LOOP = 60
"""Characters of the whole loop."""
_MARKUP = ("{", "[", "<")
_SYMBOLS = re.compile(r"[(){}\[\]<>=;|]")
_RUN = re.compile(r"([^\W\d_]|[!?])\1{39,}")
_ASKED_FOR = re.compile(
    r"repeat|again and again|over and over|\bloop|\blyrics?\b|\bchant\b|\bchorus\b|\bmantra\b|"
    r"(?:write|compose|sing|make|create)\b.{0,60}\b(?:songs?|poems?|verses?|rhymes?)\b|"
    r"(?:write|say|print|type|output)\b.{0,60}\btimes\b",
    re.IGNORECASE,
)


@line_rule("QL410", Severity.WARNING)
def repetition(line: Line) -> Iterable[Problem]:
    """
    ## What it does
    Reports answers that say the same thing again and again (a phrase, a sentence, a line, or one character for a whole
    line), and answers that repeat the prompt word by word. Code, songs, and prompts that ask for repetition are left
    alone, and so are files in which many answers are their prompts, as in corrections of spelling.

    ## Why it hurts
    It is how a model's loops and broken exports look. A model that learns it does not find its end.

    ## Example
    ```json
    {"prompt": "Is it far?", "completion": "It is not far. It is not far. It is not far. It is not far. It is not far."}
    ```

    ## Use instead
    ```json
    {"prompt": "Is it far?", "completion": "It is not far."}
    ```
    """
    looping = [
        answer
        for answer in line.taught
        # What comes in a row three times and a bit may have the probe in its last time but one.
        if len(answer.text) >= _SHORTEST and _most_often(answer.text) >= _TIMES - 1 and answer.text[:1] not in _MARKUP
    ]
    return _loops(line, looping) if looping else ()


def _loops(line: Line, answers: list[Text]) -> Iterator[Problem]:
    for answer in answers:
        text = without_code(answer.text)
        found = _loop(text)
        if found is None and _most_often(text) >= _TIMES:
            found = _run(text) or _same_parts(text)
        if found and not any(_ASKED_FOR.search(prompt.text) for prompt in line.prompts if prompt.role != "system"):
            start, end, unit, times = found
            yield Problem(
                f"“{shortened(unit, 30)}” comes {times:,} times. Keep it once, or take the sample out.",
                Value(answer.path, start, end),
            )


def _most_often(text: str) -> int:
    """How often a part of it comes, of those in loops that are half of the answer or at its end."""
    count = text.count  # asked of every answer: no generator, which would take as long as the counting
    return max([count(text[at : at + _PROBE]) for at in _places(len(text))])


def _places(length: int) -> tuple[int, ...]:
    """Where to look. Near the end, since the last characters of a loop may be other ones."""
    return length - 2 * _PROBE, length // 2, length // 4


def _loop(text: str) -> tuple[int, int, str, int] | None:
    """The longest stretch in which some words follow themselves: start, end, the words, how often."""
    best: tuple[int, int, str, int] | None = None
    length = len(text)
    for at in _places(length):
        probe = text[at : at + _PROBE]
        before = text.rfind(probe, 0, at + _PROBE - 1)
        after = text.find(probe, at + 1)
        periods = [at - before] * (before >= 0) + [after - at] * (after >= 0)
        if not periods:
            continue
        period = min(periods)
        start = end = before if before >= 0 and at - before == period else at
        while start > 0 and text[start - 1] == text[start - 1 + period]:
            start -= 1
        while end + period < length and text[end] == text[end + period]:
            end += 1
        end += period
        start = _from_boundary(text, start, end, period)
        unit = text[start : start + period]
        times = int((end - start) / period + 0.1)  # the last time perhaps without the space behind it
        letters = len({char for char in unit if char.isalpha()})
        if _SYMBOLS.search(unit) and unit.count(" ") < 3:
            continue  # a row of a table, or code without a fence
        if (
            times >= _TIMES
            and end - start >= _LEAST_LOOP
            and letters > 1
            and not (best and best[1] - best[0] >= end - start)
        ):
            best = (start, end, unit.strip(), times)
    return best


def _run(text: str) -> tuple[int, int, str, int] | None:
    if all(len(set(text[at : at + _PROBE])) > 1 for at in _places(len(text))):
        return None
    run = _RUN.search(text)
    return (run.start(), run.end(), run[1] * 3, len(run.group())) if run else None


def _from_boundary(text: str, start: int, end: int, period: int) -> int:
    """Where a sentence or a line begins in the first period of a loop, when it stays long enough."""
    if start == 0 or text[start - 1] == "\n":
        return start
    boundary = _BOUNDARY.search(text, max(start - 1, 0), start + period)
    return boundary.end() if boundary and end - boundary.end() >= (_TIMES - 0.1) * period else start


_BOUNDARY = re.compile(r"[.!?]\s+|\n\s*")
_LEAST_PART = 20
"""Characters of a sentence: shorter ones come again by right (`Defaults to None.`)."""
_PART = re.compile(r"[^\n]+?(?:[.!?](?=\s|$)|[。！？]|(?=\n)|$)")


def _same_parts(text: str) -> tuple[int, int, str, int] | None:
    """The sentence or line that comes most often, when it is half of all: where it first comes again."""
    rough = text.replace("\n", ". ").split(". ")
    if max(Counter(rough).values()) < _TIMES - 1:  # the last one may have a mark that the others lost
        return None
    parts = [(match.group().strip(), match) for match in _PART.finditer(text) if match.group().strip()]
    counts = Counter(part for part, _ in parts if len(part) >= _LEAST_PART and any(map(str.isalpha, part)))
    if not counts:
        return None
    most, times = counts.most_common(1)[0]
    if times < _TIMES or times * 2 < len(parts):
        return None
    again = [match for part, match in parts if part == most][1]
    start = again.start() + len(again.group()) - len(again.group().lstrip())
    return start, start + len(most), most, times


_SHORTEST_PROMPT = 30
"""Characters: shorter ones may well be what an answer begins with (`Paris`)."""
_MOST = 0.05
"""The share of samples from which on such answers are the file's purpose."""
_CODE = re.compile(r"\bdef |\bfunction\b|\bclass |[{};:]\s*$|#include|\bimport |```|^\s*(?:SELECT|<)")


@fact("B")
def repeats_prompt(line: Line) -> int:
    """1 when an answer is the whole prompt before it, 2 when it begins with that."""
    before = ""
    for text in line.texts:
        if not text.learned:
            if text.role != "system":
                before = text.text
        elif len(before) >= _SHORTEST_PROMPT and text.text[:_SHORTEST_PROMPT] == before[:_SHORTEST_PROMPT]:
            prompt, answer = before.rstrip(), text.text.rstrip()
            if answer.startswith(prompt) and not _CODE.search(prompt):
                return 1 if answer == prompt else 2
    return 0


@file_rule("QL410", Severity.WARNING, repeats_prompt)
def repeated_prompt(data: DataSet) -> Iterator[tuple[int, Problem]]:
    column = data.column(repeats_prompt)
    copies = column.count(1)
    for index, how in enumerate(column):
        if how == 0 or (how == 1 and copies > max(3, _MOST * len(column))):
            continue
        line = data.line(index)
        before = ""
        for text in line.texts:
            if text.learned and len(before) >= _SHORTEST_PROMPT and text.text.startswith(before.rstrip()):
                message = "The answer is the prompt again." if how == 1 else "The answer begins with the whole prompt."
                yield (
                    index,
                    Problem(
                        f"{message} Keep only what the model is to say.", Value(text.path, 0, len(before.rstrip()))
                    ),
                )
                break
            if not text.learned and text.role != "system":
                before = text.text
