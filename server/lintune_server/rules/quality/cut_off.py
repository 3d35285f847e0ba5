from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.rules.quality.answer_facts import BARE, CLOSED, DANGLING, OPEN_FENCE, ending
from lintune_server.rules.quality.reading import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet

_FEWEST = 20
"""Answers of which one can be told that they end otherwise."""
_SHARE = 0.95
"""Of the answers, that end so for it to be the file's way."""
_VERSE = 3
"""Lines in a row that end with no mark are verse or a list."""


@file_rule("QL407", Severity.WARNING, ending)
def cut_off(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports answers that stop in the midst of a sentence (after a comma, after “the”, or with no mark at the end where
    95 % of the file's sentences have one) or in a code fence that is never closed, in a file of 20 answers or more.

    ## Why it hurts
    The answer was cut, by a limit of tokens when it was generated or by an export. The model learns to stop there.

    ## Example
    ```json
    {"prompt": "Why is the sky blue?", "completion": "Because air scatters short waves of light more strongly than the"}
    ```

    ## Use instead
    ```json
    {"prompt": "Why is the sky blue?", "completion": "Because air scatters blue light more strongly than red light."}
    ```
    """
    endings = data.column(ending)
    prose = [how for how in endings if how in (CLOSED, DANGLING, BARE)]
    rarely = (1 - _SHARE) * max(len(prose), 1)
    reported = set()
    if len(prose) >= _FEWEST and prose.count(DANGLING) <= rarely:
        reported.add(DANGLING)
        if prose.count(BARE) + prose.count(DANGLING) <= rarely:
            reported.add(BARE)
    if len(endings) >= _FEWEST and sum(how == OPEN_FENCE for how in endings) <= (1 - _SHARE) * len(endings):
        reported.add(OPEN_FENCE)
    for index, how in enumerate(endings):
        if how not in reported:
            continue
        line = data.line(index)
        answer = line.taught[-1]
        text = answer.text.rstrip()
        if how == OPEN_FENCE:
            at = text.rindex("```")
            yield (
                index,
                Problem(
                    "This code fence is never closed. Was the answer cut off?",
                    Value(answer.path, at, at + 3),
                ),
            )
        elif not _is_verse(text) and not _calls_tools(line.compact):
            at = max(text.rfind(" ") + 1, 0)
            yield (
                index,
                Problem(
                    f"The answer stops in the midst of a sentence, after “{shortened(text[at:])}”. Was it cut off?",
                    Value(answer.path, at, len(text)),
                ),
            )


def _is_verse(text: str) -> bool:
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    return len(lines) >= _VERSE and all(line[-1].isalpha() or line[-1] == "," for line in lines[-_VERSE:])


def _calls_tools(compact: bytes) -> bool:
    """Then words before a call need not be a sentence."""
    return b'"tool_calls"' in compact
