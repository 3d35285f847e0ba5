"""A sample as a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import SEGMENT_LABEL, SEGMENT_TEXT, TOOL_CALLS, Kind
from lintune_server.sample_text import escapes, pretty
from lintune_server.sample_text.document import FENCE, NO_CONTENT, member_line
from lintune_server.sample_text.grammar import CALL, JSON, LEARNED, READ, TEXT, Grammar, name_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lintune_schemas.samples import Sample

_TYPE = "type"
_FUNCTION = "function"
_ARGUMENTS = "arguments"
_NAME = "name"


def written(sample: Sample, grammar: Grammar, *, guard_ends: bool = False) -> str:
    """The document of a sample, which `reading.read` reads as the same sample.

    sample: as exact_json reads it. guard_ends: as in `escapes`. Raises ValueError for one that cannot be written.
    """
    writer = _Writer(grammar, guard_ends)
    sections: list[str] = []
    last: list[str] = []
    shown: set[str] = set()
    for key in _in_order(sample, grammar):
        one = grammar.fields.get(key)
        value = sample[key]
        if one is not None and one.kind is Kind.TOOLS and value and isinstance(value, str | list):
            last += writer.tools(key, value)  # long, and looked at least
        elif isinstance(value, str) and (one.kind.holds_text if one else grammar.layout is None):
            sections += writer.section(1, grammar.key_title(key), {}, value)
        elif one is not None and isinstance(value, list) and value:
            if one.kind is Kind.SEGMENTS:
                sections += writer.segments(value)
            elif one.kind is Kind.MESSAGES:
                sections += writer.messages(value)
            elif one.kind.holds_messages:
                sections += [*writer.section(1, grammar.key_title(key), {}, None), *writer.messages(value)]
            else:
                continue
        else:
            continue
        shown.add(key)
    lines = [*_front(sample, shown), f"<!-- {help_line(grammar)} -->", "", *sections, *last]
    if lines[-2:] == ["", ""]:
        lines.pop()
    return "\n".join(lines)


def help_line(grammar: Grammar) -> str:
    """What a person may want to know, on one line."""
    if grammar.has_segments:
        what = f"Each heading begins a segment: # {LEARNED} or # {READ}."
    elif grammar.list_key:
        what = f"Each heading begins a message: {', '.join(f'# {role}' for role in _usual_roles(grammar))}."
    elif grammar.keys:
        what = f"Each heading is a key of the sample: {', '.join(f'# {key}' for key in grammar.keys)}."
    else:
        what = "Each heading is a key of the sample."
    return what


def _usual_roles(grammar: Grammar) -> list[str]:
    """One name for each role."""
    roles = grammar.message.roles if grammar.message else {}
    names: dict[str, str] = {}
    for name in grammar.roles:
        names.setdefault(roles[name], name)
    return list(names.values())


def _in_order(sample: Sample, grammar: Grammar) -> list[str]:
    """The format's keys in the order of the conversation, then the others."""
    return [key for key in grammar.fields if key in sample] + [key for key in sample if key not in grammar.fields]


def _front(sample: Sample, shown: set[str]) -> list[str]:
    members = [member_line(key, _json(value)) for key, value in sample.items() if key not in shown]
    return [FENCE, *members, FENCE, ""] if members else []


def _json(value: Any) -> str:
    return escapes.safe_json(pretty.one_line(value))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Lines of sections. A blank line ends each."""

    grammar: Grammar
    guard_ends: bool

    def section(
        self, level: int, title: str, attributes: Mapping[str, Any], text: str | None, *, note: str = ""
    ) -> list[str]:
        """text: None where there is none; an empty one leaves room for what is to be written."""
        lines = [
            f"{'#' * level} {title}",
            *(f"- {member_line(key, _json(value))}" for key, value in attributes.items()),
        ]
        if note:
            lines.append(note)
        return [*lines, ""] if text is None else [*lines, "", *(self.text(text) or [""]), ""]

    def text(self, text: str) -> list[str]:
        return escapes.written(text, self.grammar.is_heading, guard_ends=self.guard_ends)

    def block(
        self, level: int, title: str, attributes: Mapping[str, Any], value: Any, *, as_text: bool = False
    ) -> list[str]:
        """A section with a block of JSON. as_text: the value is a text, which is shown as it is."""
        head = self.section(level, title, attributes, None)
        lines = self.text(value) if as_text else [escapes.safe_json(line) for line in pretty.lines(value)]
        longest = max((len(line) - len(line.lstrip("`")) for line in lines), default=0)
        ticks = "`" * max(3, longest + 1)
        return [*head, f"{ticks}json{' text' if as_text else ''}", *lines, ticks, ""]

    def tools(self, key: str, value: Any) -> list[str]:
        return self.block(1, self.grammar.key_title(key), {}, value, as_text=isinstance(value, str))

    def segments(self, segments: list[Any]) -> Iterator[str]:
        for segment in segments:
            label = segment.get(SEGMENT_LABEL) if isinstance(segment, dict) else None
            text = segment.get(SEGMENT_TEXT) if isinstance(segment, dict) else None
            if isinstance(label, bool) and isinstance(text, str):
                more = {key: value for key, value in segment.items() if key not in (SEGMENT_LABEL, SEGMENT_TEXT)}
                yield from self.section(1, LEARNED if label else READ, more, text)
            else:
                yield from self.block(1, JSON, {}, segment)

    def messages(self, messages: list[Any]) -> Iterator[str]:
        for message in messages:
            yield from self._message(message)

    def _message(self, message: Any) -> list[str]:
        keys, level = self.grammar.message, self.grammar.role_level
        role = message.get(keys.role) if keys and isinstance(message, dict) else None
        if keys is None or not isinstance(role, str):
            return self.block(level, JSON, {}, message)
        content, calls = message.get(keys.content), message.get(TOOL_CALLS)
        has_parts = isinstance(content, list) and bool(content)
        has_calls = isinstance(calls, list) and bool(calls) and all(map(_is_call, calls)) and keys.content != TOOL_CALLS
        more = {
            key: value
            for key, value in message.items()
            if key != keys.role
            and not (key == keys.content and (has_parts or isinstance(value, str)))
            and not (key == TOOL_CALLS and has_calls)
        }
        lines = self.section(
            level,
            self.grammar.role_title(role),
            more,
            content if isinstance(content, str) else None,
            note="" if keys.content in message else NO_CONTENT,
        )
        for part in content if isinstance(content, list) else ():
            lines += self._part(part)
        for call in calls if has_calls and calls else ():
            lines += self._call(call)
        return lines

    def _part(self, part: Any) -> list[str]:
        level = self.grammar.role_level + 1
        text = part.get(TEXT) if isinstance(part, dict) and part.get(_TYPE) == TEXT else None
        if not isinstance(text, str):
            return self.block(level, JSON, {}, part)
        more = {key: value for key, value in part.items() if key not in (_TYPE, TEXT)}
        return self.section(level, TEXT, more, text)

    def _call(self, call: dict[str, Any]) -> list[str]:
        function = call[_FUNCTION]
        arguments = function[_ARGUMENTS]
        more = {key: value for key, value in call.items() if key != _FUNCTION}
        title = f"{CALL} {name_title(function[_NAME])}"
        return self.block(self.grammar.role_level + 1, title, more, arguments, as_text=isinstance(arguments, str))


def _is_call(call: Any) -> bool:
    """Whether a call is written as nearly all are, so that nothing of it is lost in its section."""
    if not isinstance(call, dict) or not isinstance(function := call.get(_FUNCTION), dict):
        return False
    return function.keys() == {_NAME, _ARGUMENTS} and isinstance(function[_NAME], str)
