from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.samples import Kind
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF112", Severity.ERROR)
def empty_list(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a sample whose list of messages or segments is empty.

    ## Why it hurts
    There is nothing to learn, and many chat templates fail on it: they look at the first message.

    ## Example
    ```json
    {"messages": []}
    ```

    ## Use instead
    Write the conversation, or delete the sample.
    """
    if line.plain or line.sample is None or line.layout is None:
        return
    for one in line.layout.fields:
        if line.sample.get(one.key) == [] and one.kind is not Kind.TOOLS:
            yield Problem(f"The list under {one.key} is empty.", Value((one.key,)))
