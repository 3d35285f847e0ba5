from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.samples import SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF111", Severity.ERROR)
def empty_content(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a message, prompt or answer that is empty or only white space. For a user's turn it is a warning.

    ## Why it hurts
    An empty answer teaches the model to say nothing. It is nearly always a row that was lost on the way.

    ## Example
    ```json
    {"prompt": "What is the capital of France?", "completion": ""}
    ```

    ## Use instead
    Write the answer, or delete the sample.
    """
    if line.sample is None or line.layout is None:
        return
    if line.format is SampleFormat.CHAT:
        messages = line.sample.get("messages")
        for index, message in enumerate(messages if isinstance(messages, list) else ()):
            if not isinstance(message, dict) or not _is_empty(message.get("content")):
                continue
            role = message.get("role")
            yield Problem(
                f"The {role} message is {_how(message['content'])}."
                if isinstance(role, str)
                else f"The message is {_how(message['content'])}.",
                Value(("messages", index, "content")),
                severity=Severity.WARNING if role == "user" else None,
            )
        return
    spec = line.layout
    for key in spec.required:
        if _is_empty(line.sample.get(key)):
            yield Problem(
                f"The {key} is {_how(line.sample[key])}.",
                Value((key,)),
                severity=None if key in spec.learned else Severity.WARNING,
            )


def _is_empty(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _how(text: str) -> str:
    return "only white space" if text else "empty"
