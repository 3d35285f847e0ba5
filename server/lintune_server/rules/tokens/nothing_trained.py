from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.rules.tokens import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line


@fact("b")
def untrained(line: Line) -> int:
    """Whether no token is learned."""
    measured = line.counted
    return int(measured is not None and measured.trained_tokens == 0)


@file_rule("TK208", Severity.ERROR, untrained)
def nothing_trained(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a sample of which, after the chat template and the loss mask, not one token is learned: the template writes
    nothing of what the assistant says, or no segment is labelled as learned.

    ## Why it hurts
    The sample costs time in every epoch and teaches nothing.

    ## Example
    ```json
    {"segments": [{"label": false, "text": "2 + 2 = "}, {"label": false, "text": "4</s>"}]}
    ```

    ## Use instead
    ```json
    {"segments": [{"label": false, "text": "2 + 2 = "}, {"label": true, "text": "4</s>"}]}
    ```
    """
    for index, where in places.marked(data.column(untrained)):
        line = data.line(index)
        turns = line.conversation.turns if line.conversation else ()
        answer = next((turn for turn in turns if turn.trained), None)
        if answer is None:
            message = "Nothing to learn: no part of this sample is one that the model learns."
        else:
            message = (
                "Nothing to learn: after the chat template no token of this answer is left. "
                "Use a template that writes what the assistant says."
            )
        yield index, Problem(message + where, places.of_turn(answer, line) if answer else Value())
