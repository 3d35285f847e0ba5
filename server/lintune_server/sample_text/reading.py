"""A document as the sample that it says, and where in the document each of its values stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import SEGMENT_LABEL, SEGMENT_TEXT, TOOL_CALLS, Kind
from lintune_server.sample_text import document, escapes
from lintune_server.sample_text.document import UnreadableError, fenced, json_of
from lintune_server.sample_text.grammar import CALL, JSON, KEY, LEARNED, ROLE, TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.samples import Field, MessageKeys, Path, Sample
    from lintune_server.sample_text.document import Section
    from lintune_server.sample_text.grammar import Grammar


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a document, half-open. is_text: they are a text, character by character."""

    start: int
    end: int
    is_text: bool = False


@dataclass(slots=True)
class Read:
    """What a document says."""

    sample: Sample
    places: dict[Path, Place] = field(default_factory=dict)
    headings: dict[Path, int] = field(default_factory=dict)
    """The lines of the headings that messages, segments and keys of the sample stand under."""


def read(text: str, grammar: Grammar) -> Read:
    """Raises UnreadableError."""
    found = document.read(text, grammar)
    reader = _Reader(grammar, found.sections, Read(dict(found.members)))
    for key, line in found.member_lines.items():
        reader.read.places[(key,)] = Place(line, line + 1)
    reader.sample(found.members)
    if not reader.read.sample:
        raise UnreadableError(0, "Nothing is left of the sample. To delete it, delete its line in the data set.")
    return reader.read


class _Reader:
    """Goes through the sections once, from the first to the last."""

    def __init__(self, grammar: Grammar, sections: Sequence[Section], read: Read) -> None:
        self.grammar = grammar
        self.read = read
        self._sections = sections
        self._at = 0

    def sample(self, members: dict[str, Any]) -> None:
        sample, key = self.read.sample, self.grammar.list_key
        values: list[Any] = []
        while section := self._next(1):
            if section.title.what == KEY:
                name = section.title.name
                if name in sample:
                    raise UnreadableError(section.line, f"The key “{name}” is there twice.")
                self.read.headings[(name,)] = section.line
                sample[name] = self._field(section, name)
            elif key is not None:
                values.append(self._element(section, (key, len(values))))
            else:
                raise UnreadableError(section.line, "This heading has no place here.")
        if key is not None and values:
            if members.get(key):
                raise UnreadableError(0, f"The key “{key}” is there twice: at the top, and as the headings below.")
            sample[key] = values
        if self._at < len(self._sections):
            raise UnreadableError(self._sections[self._at].line, "This heading belongs below one of a higher level.")

    def _next(self, level: int) -> Section | None:
        """The next section, if it is of this level; it is then taken."""
        if self._at < len(self._sections) and self._sections[self._at].level == level:
            self._at += 1
            return self._sections[self._at - 1]
        return None

    def _field(self, section: Section, key: str) -> Any:
        self._no_attributes(section)
        one: Field | None = self.grammar.fields.get(key)
        if one is not None and one.kind is Kind.TOOLS:
            return self._block(section, (key,))
        if one is not None and one.kind is Kind.TEXT_OR_MESSAGES:
            messages: list[Any] = []
            while message := self._next(2):
                messages.append(self._element(message, (key, len(messages))))
            if messages:
                self._no_body(section)
                return messages
        return self._text(section, (key,))

    def _element(self, section: Section, path: Path) -> Any:
        """A message or a segment."""
        what = section.title.what
        self.read.headings[path] = section.line
        self.read.places[path] = Place(section.line, section.body_line)
        if what == JSON:
            self._no_attributes(section)
            return self._block(section, path)
        if what == ROLE and self.grammar.message is not None:
            return self._message(section, self.grammar.message, path)
        if self.grammar.has_segments:
            segment = {SEGMENT_LABEL: what == LEARNED, SEGMENT_TEXT: self._text(section, (*path, SEGMENT_TEXT))}
            self.read.places[(*path, SEGMENT_LABEL)] = Place(section.line, section.line + 1)
            return self._with(section, segment, path)
        raise UnreadableError(section.line, "This heading belongs below that of a message.")

    def _message(self, section: Section, keys: MessageKeys, path: Path) -> dict[str, Any]:
        message: dict[str, Any] = {keys.role: section.title.name}
        self.read.places[(*path, keys.role)] = Place(section.line, section.line + 1)
        parts: list[Any] = []
        calls: list[Any] = []
        while below := self._next(self.grammar.role_level + 1):
            if below.title.what == CALL:
                calls.append(self._call(below, (*path, TOOL_CALLS, len(calls))))
            else:
                parts.append(self._part(below, (*path, keys.content, len(parts))))
        if parts:
            self._no_body(section)
            message[keys.content] = parts
        else:
            text = self._text(section, (*path, keys.content))
            if text or not (section.has_no_content or keys.content in section.attributes):
                message[keys.content] = text
        # What has no text says so below its heading; with one, that does not count any more.
        attributes = {key: value for key, value in section.attributes.items() if key != keys.content}
        if keys.content in section.attributes and keys.content not in message:
            attributes = section.attributes
        message = self._with(section, message, path, attributes)
        if calls:
            if TOOL_CALLS in message:
                line = section.attribute_lines.get(TOOL_CALLS, section.line)
                raise UnreadableError(line, f"The key “{TOOL_CALLS}” is there twice: here, and as the headings below.")
            message[TOOL_CALLS] = calls
        return message

    def _part(self, section: Section, path: Path) -> Any:
        self.read.places[path] = Place(section.line, section.body_line)
        if section.title.what == JSON:
            self._no_attributes(section)
            return self._block(section, path)
        return self._with(section, {"type": TEXT, TEXT: self._text(section, (*path, TEXT))}, path)

    def _call(self, section: Section, path: Path) -> dict[str, Any]:
        self.read.places[path] = Place(section.line, section.body_line)
        place = (*path, "function", "arguments")
        self.read.places[(*path, "function", "name")] = Place(section.line, section.line + 1)
        function = {"name": section.title.name, "arguments": self._block(section, place)}
        attributes = dict(section.attributes)
        if "function" in attributes:
            raise UnreadableError(section.attribute_lines["function"], "The key “function” is what stands below.")
        return attributes | {"function": function}

    def _with(
        self, section: Section, value: dict[str, Any], path: Path, attributes: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        attributes = section.attributes if attributes is None else attributes
        for key, found in attributes.items():
            line = section.attribute_lines[key]
            if key in value:
                raise UnreadableError(line, f"The key “{key}” is there twice: here, and in what stands around it.")
            value[key] = found
            self.read.places[(*path, key)] = Place(line, line + 1)
        return value

    def _text(self, section: Section, path: Path) -> str:
        first, last = escapes.edges(section.body)
        place = Place(section.body_line + first, section.body_line + last, is_text=True)
        self.read.places[path] = place if last > first else Place(section.line, section.line + 1)
        return escapes.read(section.body, self.grammar.is_heading)

    def _block(self, section: Section, path: Path) -> Any:
        lines, first, is_text = fenced(section.body, section.body_line)
        self.read.places[path] = Place(first, first + len(lines), is_text=is_text)
        return escapes.read(lines, self.grammar.is_heading) if is_text else json_of(lines, first)

    def _no_attributes(self, section: Section) -> None:
        if section.attributes or section.has_no_content:
            line = next(iter(section.attribute_lines.values()), section.line + 1)
            raise UnreadableError(
                line, "Only messages and segments have keys below their heading. Leave an empty line."
            )

    def _no_body(self, section: Section) -> None:
        first, last = escapes.edges(section.body)
        if last > first:
            raise UnreadableError(
                section.body_line + first,
                "This text stands between a heading and the parts below it. Move it into one.",
            )
