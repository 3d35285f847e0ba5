from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.contents import text_parts
from lintune_schemas.samples import TOOL_CALLS, SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Message
    from lintune_server.lint.sample import Line


@line_rule("SF111", Severity.ERROR)
def empty_content(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a message, prompt or answer that is empty or only white space. A warning where it is not what is learned.

    ## Why it hurts
    An empty answer teaches the model to say nothing. It is nearly always a row that was lost on the way.

    ## Example
    ```json
    {"prompt": "What is the capital of France?", "completion": ""}
    ```

    ## Use instead
    Write the answer, or delete the sample.
    """
    if line.plain or line.sample is None or line.layout is None:
        return
    if line.format is SampleFormat.INPUT_OUTPUT:
        yield from _segments(line)
        return
    for one in line.layout.fields:
        # An optional text may be left empty, as the input of an instruction.
        value = line.sample.get(one.key)
        if isinstance(value, str) and _is_empty(value) and (one.required or one.name == "prompt"):
            yield Problem(
                f"The {one.key} is {_how(value)}.",
                Value((one.key,)),
                severity=None if one.learned else Severity.WARNING,
            )
    for message in line.messages:
        if isinstance(message.value, dict) and _is_empty(message.content) and not message.value.get(TOOL_CALLS):
            yield _of_message(message)


def _of_message(message: Message) -> Problem:
    role = message.raw_role
    which = f"The {role} message" if isinstance(role, str) and role.strip() else "The message"
    severity = None if message.trained else Severity.WARNING
    return Problem(f"{which} is {_how(message.content)}.", Value(message.content_path), severity=severity)


def _segments(line: Line) -> Iterator[Problem]:
    """White space is a fine segment of raw text, but not all that is learned of a sample."""
    learned = [segment for segment in line.segments if segment.learned and isinstance(segment.text, str)]
    if learned and all(_is_empty(segment.text) for segment in learned):
        for segment in learned:
            yield Problem(f"All that is learned is {_how(segment.text)}.", Value(segment.text_path))
        return
    for segment in line.segments:
        if segment.text == "":
            yield Problem("The text of this segment is empty.", Value(segment.text_path), severity=Severity.WARNING)


def _is_empty(content: Any) -> bool:
    if isinstance(content, str):
        return not content.strip()
    if isinstance(content, list):
        return not any(text.strip() for _, text in text_parts(content, ())) and all(map(_is_text_part, content))
    return False


def _is_text_part(part: Any) -> bool:
    """Other parts are another rule's finding."""
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _how(content: Any) -> str:
    return (
        "only white space"
        if content and (isinstance(content, str) or any(part["text"] for part in content))
        else "empty"
    )
