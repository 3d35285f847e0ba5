from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF107", Severity.WARNING)
def same_role_twice(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports two turns of the user, or two of the assistant, with nothing in between. Behind an assistant's tool calls
    come the tools' results, any number of them. An error where the model's chat template refuses the sample.

    ## Why it hurts
    A program that talks to the model never sends such a conversation, so what is learned here is of no use there.
    Often a turn was lost on the way.

    ## Example
    ```json
    {"messages": [
      {"role": "user", "content": "Hi"},
      {"role": "user", "content": "Anyone there?"},
      {"role": "assistant", "content": "Hello!"}
    ]}
    ```

    ## Use instead
    ```json
    {"messages": [
      {"role": "user", "content": "Hi\\n\\nAnyone there?"},
      {"role": "assistant", "content": "Hello!"}
    ]}
    ```
    """
    if line.plain or line.layout is None:
        return
    for thread in line.threads:
        turns = thread.turns
        for index in range(max(thread.start, 1), len(turns)):
            role = turns[index].role
            if role in ("user", "assistant") and role == turns[index - 1].role:
                refusal = line.refusal
                said = f"Two turns of the {role} in a row: join them, or put in the turn that is missing between them."
                if refusal is None:
                    yield Problem(said, Value(turns[index].role_path))
                else:
                    message = f"{said} The chat template refuses them: {refusal}"
                    yield Problem(message, Value(turns[index].role_path), severity=Severity.ERROR)
