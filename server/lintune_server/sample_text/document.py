"""The form of a sample's document: what stands before the first heading, and sections with what belongs to each.

A section is a heading, perhaps with a list of further keys right below it, and a body behind an empty line:

    # assistant
    - weight: 0

    It is four.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lintune_schemas import exact_json
from lintune_server.sample_text.grammar import name_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.sample_text.grammar import Grammar, Title

NO_CONTENT = "- no content"
"""Below the heading of a message that has no key for its content."""
FENCE = "---"
"""Around the keys of the sample that are no part of the conversation: Markdown's front matter."""

_MEMBER = re.compile(r'([A-Za-z_][\w.-]*|"(?:[^"\\]|\\.)*")[ \t]*:[ \t]*(.*)')
_ATTRIBUTE = re.compile(rf"- {_MEMBER.pattern}")
_FENCED = re.compile(r"(`{3,})[ \t]*json(?:[ \t]+(text))?[ \t]*")


class UnreadableError(ValueError):
    """A document that says no sample. The message says what to mend, on which line (0-based)."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message

    def __str__(self) -> str:
        return f"Line {self.line + 1}: {self.message}"


@dataclass(slots=True)
class Section:
    """A heading and all up to the next one. Lines are counted from 0."""

    level: int
    title: Title
    line: int
    attributes: dict[str, Any] = field(default_factory=dict)
    attribute_lines: dict[str, int] = field(default_factory=dict)
    has_no_content: bool = False
    body: Sequence[str] = ()
    body_line: int = 0
    """Where the body begins."""


@dataclass(slots=True)
class Document:
    members: dict[str, Any]
    """Those before the first heading."""
    member_lines: dict[str, int]
    sections: list[Section]


def read(text: str, grammar: Grammar) -> Document:
    """Raises UnreadableError."""
    lines = text.split("\n")
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]  # of an editor that ends all lines so
    document = Document({}, {}, [])
    starts = _headings(lines, grammar)
    first = starts[0][0] if starts else len(lines)
    _read_beginning(lines[:first], document)
    ends = [line for line, _, _ in starts[1:]]
    for (line, level, title), end in zip(starts, [*ends, len(lines)], strict=False):
        document.sections.append(_section(lines, line, end, Section(level, title, line)))
    return document


def _headings(lines: Sequence[str], grammar: Grammar) -> list[tuple[int, int, Title]]:
    found: list[tuple[int, int, Title]] = []
    for number, line in enumerate(lines):
        if not line.startswith("#"):
            continue
        if heading := grammar.heading(line):
            found.append((number, *heading))
        elif meant := grammar.meant(line):
            raise UnreadableError(
                number, f"“{line}” is no heading here. Write “{meant}”, or “\\{line}” where it is part of a text."
            )
    return found


def _read_beginning(lines: Sequence[str], document: Document) -> None:
    """Keys between fences, and comments."""
    in_front, was_front, in_comment = False, False, False
    for number, line in enumerate(lines):
        text = line.strip()
        if in_comment:
            in_comment = not text.endswith("-->")
        elif text == FENCE and (in_front or not was_front):
            in_front, was_front = not in_front, True
        elif in_front:
            if text:
                key, value = _member(_MEMBER.fullmatch(line.strip()), line, number)
                if key in document.members:
                    raise UnreadableError(number, f"The key “{key}” is there twice.")
                document.members[key], document.member_lines[key] = value, number
        elif text.startswith("<!--"):
            in_comment = not text.endswith("-->")
        elif text:
            raise UnreadableError(number, "This text stands before the first heading, so it belongs to nothing.")
    if in_front or in_comment:
        raise UnreadableError(
            len(lines) - 1, f"There is no “{FENCE if in_front else '-->'}” behind what is opened above."
        )


def _section(lines: Sequence[str], line: int, end: int, section: Section) -> Section:
    at = line + 1
    while at < end and lines[at].startswith("- "):
        if lines[at].strip() == NO_CONTENT:
            section.has_no_content = True
        else:
            found = _ATTRIBUTE.fullmatch(lines[at].rstrip())
            if found is None:
                raise UnreadableError(
                    at,
                    "Right below a heading stand the further keys of a message, as “- weight: 0”. "
                    "Leave an empty line before a text.",
                )
            key, value = _member(found, lines[at], at)
            if key in section.attributes:
                raise UnreadableError(at, f"The key “{key}” is there twice.")
            section.attributes[key], section.attribute_lines[key] = value, at
        at += 1
    section.body, section.body_line = lines[at:end], at
    return section


def _member(found: re.Match[str] | None, line: str, number: int) -> tuple[str, Any]:
    if found is None:
        raise UnreadableError(number, f'“{line.strip()}” is no key with a value, as “id: 17” or “source: "wiki"”.')
    name, value = found.groups()
    try:
        key: str = json.loads(name) if name.startswith('"') else name
        return key, exact_json.loads(value)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(
            number, f'The value of “{name}” is no JSON ({_why(error)}). A text stands in quotes: {name}: "…"'
        ) from None


def fenced(lines: Sequence[str], first: int) -> tuple[Sequence[str], int, bool]:
    """The lines in a block of code that is all of a body, the number of the first, and whether they are a text.

    first: the number of the body's first line. Raises UnreadableError.
    """
    filled = [number for number, line in enumerate(lines) if line.strip()]
    opening = _FENCED.fullmatch(lines[filled[0]]) if filled else None
    if opening is None:
        raise UnreadableError(first, "Here stands a block of JSON: ```json in a line, the JSON, and ``` in a line.")
    start, end = filled[0], filled[-1]
    if end == start or lines[end].strip() != opening.group(1):
        raise UnreadableError(
            first + end, f"The block of JSON that begins in line {first + start + 1} ends with {opening.group(1)}."
        )
    return lines[start + 1 : end], first + start + 1, opening.group(2) is not None


def json_of(lines: Sequence[str], first: int) -> Any:
    """The value of JSON that begins on line `first`. Raises UnreadableError."""
    try:
        return exact_json.loads("\n".join(lines))
    except json.JSONDecodeError as error:
        raise UnreadableError(first + error.lineno - 1, f"This is no JSON: {_why(error)}.") from None
    except (ValueError, RecursionError) as error:
        raise UnreadableError(first, f"This is no JSON: {_why(error)}.") from None


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    message = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    return message[:1].lower() + message[1:]


def member_line(key: str, value_json: str) -> str:
    """A key with its value, as it is read by `read`."""
    return f"{name_title(key)}: {value_json}"
