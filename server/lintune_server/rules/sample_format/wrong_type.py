from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import SEGMENT_LABEL, SEGMENT_TEXT, TOOL_CALL_ID, TOOL_CALLS, Kind
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import json_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Field, Message, Path, Segment
    from lintune_server.lint.sample import Line


@line_rule("SF104", Severity.ERROR)
def wrong_type(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a field whose value is of the wrong type: content that is a number, messages that are no list, a part of
    content that is no text.

    ## Why it hurts
    Some tools turn such values into text of their own making, others stop. Neither is what was meant.

    ## Example
    ```json
    {"prompt": "What is 6 times 7?", "completion": 42}
    ```

    ## Use instead
    ```json
    {"prompt": "What is 6 times 7?", "completion": "42"}
    ```
    """
    if line.plain or line.sample is None or line.layout is None:
        return
    for one in line.layout.fields:
        if one.key in line.sample and not _fits(line.sample[one.key], one):
            yield _must_be(one.key, one.kind, line.sample[one.key], (one.key,))
    for message in line.messages:
        yield from _of_message(message)
    for segment in line.segments:
        yield from _of_segment(segment)


def _fits(value: Any, one: Field) -> bool:
    match value:
        case str():
            return one.kind.holds_text or one.kind is Kind.TOOLS  # whether it is JSON, its own rule says
        case list():
            return one.kind in (Kind.MESSAGES, Kind.TEXT_OR_MESSAGES, Kind.SEGMENTS, Kind.TOOLS)
        case bool():
            return one.kind is Kind.FLAG
        case None:
            return not one.required
    return False


def _of_message(message: Message) -> Iterator[Problem]:
    fields = message.value
    if not isinstance(fields, dict):
        yield Problem(f"A message must be an object, and this is {json_kind(fields)}.", Value(message.path))
        return
    role_key, content_key = message.keys.role, message.keys.content
    for key in (role_key, "name", TOOL_CALL_ID):
        value = fields.get(key)
        if not isinstance(value, str) and (value is not None or (key == role_key and key in fields)):
            yield _must_be(key, Kind.TEXT, value, (*message.path, key))
    content = message.content
    if isinstance(content, list):
        yield from _of_parts(content, message)
    elif not isinstance(content, str) and content_key in fields and not (content is None and fields.get(TOOL_CALLS)):
        yield _must_be(content_key, Kind.TEXT, content, message.content_path)


def _of_parts(parts: list[Any], message: Message) -> Iterator[Problem]:
    for index, part in enumerate(parts):
        path: Path = (*message.content_path, index)
        if not isinstance(part, dict):
            wanted = '{"type": "text", "text": …}'
            yield Problem(f"A part of content must be {wanted}, and this is {json_kind(part)}.", Value(path))
        elif part.get("type") != "text":
            kind = part.get("type")
            if isinstance(kind, str):
                yield Problem(
                    f"This part is of type {kind}, and only parts of type text are read.", Value((*path, "type"))
                )
            else:
                yield Problem('This part has no type: write "type": "text".', Value(path))
        elif not isinstance(part.get("text"), str):
            if "text" in part:
                yield _must_be("text", Kind.TEXT, part["text"], (*path, "text"))
            else:
                yield Problem("This part has no text.", Value(path))


def _of_segment(segment: Segment) -> Iterator[Problem]:
    fields = segment.value
    if not isinstance(fields, dict):
        yield Problem(f"A segment must be an object, and this is {json_kind(fields)}.", Value(segment.path))
        return
    if SEGMENT_TEXT in fields and not isinstance(fields[SEGMENT_TEXT], str):
        yield _must_be(SEGMENT_TEXT, Kind.TEXT, fields[SEGMENT_TEXT], segment.text_path)
    if SEGMENT_LABEL in fields and not isinstance(fields[SEGMENT_LABEL], bool):
        yield _must_be(SEGMENT_LABEL, Kind.FLAG, fields[SEGMENT_LABEL], segment.label_path)


def _must_be(key: str, kind: Kind, value: Any, path: Path) -> Problem:
    return Problem(f"{key} must be {kind}, and this is {json_kind(value)}.", Value(path))
