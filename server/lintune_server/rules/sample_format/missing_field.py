from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.samples import SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import closest, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF103", Severity.ERROR)
def missing_field(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a sample or a message that lacks a field its format needs.

    ## Why it hurts
    Without the answer there is nothing to learn; without the prompt the model learns to say it at any time.

    ## Example
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant"}]}
    ```

    ## Use instead
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}
    ```
    """
    if line.sample is None or line.layout is None:
        return
    spec = line.layout
    missing = [key for key in spec.required if key not in line.sample]
    if missing:
        yield Problem(f"This {spec.format} sample has no {listed(missing, 'or')}.{_meant(missing, line.sample)}")
    messages = line.sample.get("messages") if line.format is SampleFormat.CHAT else None
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, dict):
            continue
        missing = [key for key in ("role", "content") if key not in message]
        if missing:
            yield Problem(
                f"This message has no {listed(missing, 'or')}.{_meant(missing, message)}",
                Value(("messages", index)),
            )


def _meant(missing: list[str], there: dict[str, object]) -> str:
    for key in missing:
        if match := closest(key, there):
            return f" Is {match} meant to be {key}?"
    return ""
