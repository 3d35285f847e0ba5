from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.samples import ROLES, SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF109", Severity.ERROR)
def nothing_to_learn(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a conversation without an assistant message, or whose assistant messages all have weight 0.

    ## Why it hurts
    Only what the assistant says is learned. The sample costs time in every epoch and teaches nothing.

    ## Example
    ```json
    {"messages": [{"role": "user", "content": "Hi"}]}
    ```

    ## Use instead
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}
    ```
    """
    if line.format is not SampleFormat.CHAT or line.sample is None:
        return
    messages = line.sample.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return
    # A missing or unknown role may well be the assistant's: its own finding says so.
    if any(message.get("role") not in ROLES for message in messages):
        return
    spot = Value(("messages",))
    answers = [message for message in messages if message["role"] == "assistant"]
    if not messages:
        yield Problem("Nothing to learn: the list of messages is empty.", spot)
    elif not answers:
        yield Problem("Nothing to learn: no message is the assistant's, and only its messages are learned.", spot)
    elif all(message.get("weight", 1) == 0 for message in answers):
        yield Problem("Nothing to learn: every assistant message has weight 0.", spot)
