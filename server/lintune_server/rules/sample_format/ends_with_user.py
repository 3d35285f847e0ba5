from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF110", Severity.WARNING)
def ends_with_user(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a conversation whose last turn is the user's.

    ## Why it hurts
    Nobody answers it, so it is never trained on: it costs time and memory. Often the answer was lost on the way.

    ## Example
    ```json
    {"messages": [
      {"role": "user", "content": "Hi"},
      {"role": "assistant", "content": "Hello!"},
      {"role": "user", "content": "How are you?"}
    ]}
    ```

    ## Use instead
    ```json
    {"messages": [
      {"role": "user", "content": "Hi"},
      {"role": "assistant", "content": "Hello!"}
    ]}
    ```
    """
    if line.plain or line.layout is None or line.surroundings.train_on_inputs:
        return
    for thread in line.threads:
        last = thread.turns[-1]
        # Without any answer there is nothing to learn at all: that is another rule's finding.
        if last.role == "user" and any(turn.role == "assistant" for turn in thread.turns):
            yield Problem(
                "The conversation ends with a turn of the user, which is never trained on: write the answer, or take "
                "the turn out.",
                Value(last.path),
            )
