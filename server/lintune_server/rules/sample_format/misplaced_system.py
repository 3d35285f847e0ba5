from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF108", Severity.ERROR)
def misplaced_system(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a system message that is not the first message, and a second one. A developer message is one, too, and so
    is the sample's `system` field.

    ## Why it hurts
    Chat templates treat the system message in their own way, and only at the start: others are left out in silence
    (Llama 2), written as if a user had said so, or refused.

    ## Example
    ```json
    {"messages": [
      {"role": "user", "content": "Hi"},
      {"role": "system", "content": "Be brief."},
      {"role": "assistant", "content": "Hello!"}
    ]}
    ```

    ## Use instead
    ```json
    {"messages": [
      {"role": "system", "content": "Be brief."},
      {"role": "user", "content": "Hi"},
      {"role": "assistant", "content": "Hello!"}
    ]}
    ```
    """
    if line.plain or line.layout is None:
        return
    for thread in line.threads:
        for index in range(max(thread.start, 1), len(thread.turns)):
            turn = thread.turns[index]
            if turn.role != "system":
                continue
            if any(earlier.role == "system" for earlier in thread.turns[:index]):
                message = "A second system message: write both as one, at the start."
            else:
                message = "The system message must be the first."
            yield Problem(message, Value(turn.role_path))
