"""Which headings a sample's document has: the roles of its messages, and the keys of its format.

Only these are headings of ours. All others belong to the texts that they stand in: answers of models are full of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from lintune_schemas.samples import ROLE_ALIASES, Kind

if TYPE_CHECKING:
    from collections.abc import Container

    from lintune_schemas.samples import Field, Layout, MessageKeys

TEXT, JSON = "text", "json"
"""A part of a message's content that is text; a piece of the sample that nothing else can show."""
CALL = "call"
"""A call of a tool, before its name."""
KEY = "key"
"""Before a key of the sample that is called like a role."""
LEARNED, READ = "learned", "read"
"""Segments of raw text."""

_HEADING = re.compile(r"(#{1,3})[ \t]*(\S.*?)[ \t]*")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_WITH_NAME = re.compile(rf'({CALL}|{KEY}) ([\w.-]+|"(?:[^"\\]|\\.)*")')
_WORD = re.compile(r"[A-Za-z_]{2,20}")
_SIMPLE = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_ALIKE = 0.75
"""Of difflib's measure: “usre” is meant to be “user”, and “asistant” to be “assistant”."""


class Title(NamedTuple):
    """What a heading names: one of the words above, or “role”; and the name."""

    what: str
    name: str = ""


ROLE = "role"


@dataclass(frozen=True)
class Grammar:
    """The headings of one layout; without a layout, every key of a sample is a heading, in quotes."""

    layout: Layout | None

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The layout's fields, by their keys."""
        return {one.key: one for one in self.layout.fields} if self.layout else {}

    @cached_property
    def list_key(self) -> str | None:
        """The key of the list whose elements are the headings of the first level; None when keys are."""
        return next((one.key for one in self.fields.values() if one.kind in (Kind.MESSAGES, Kind.SEGMENTS)), None)

    @property
    def has_segments(self) -> bool:
        return self.list_key is not None and self.fields[self.list_key].kind is Kind.SEGMENTS

    @property
    def message(self) -> MessageKeys | None:
        """How messages are written, in a layout that has any."""
        has_any = any(one.kind.holds_messages for one in self.fields.values())
        return self.layout.message if self.layout and has_any else None

    @cached_property
    def roles(self) -> tuple[str, ...]:
        return tuple(role for role in self.message.roles if _SIMPLE.fullmatch(role)) if self.message else ()

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Keys that are headings by themselves, without a quote."""
        usable = (key for key, one in self.fields.items() if key != self.list_key and one.kind is not Kind.FLAG)
        return tuple(key for key in usable if _SIMPLE.fullmatch(key) and key not in self.roles)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The words that are headings of the first level, the usual ones first."""
        if self.has_segments:
            return (LEARNED, READ)
        return (*self.roles, *self.keys) if self.list_key else self.keys

    def is_heading(self, line: str) -> bool:
        """Whether a line is a heading of ours, or one that was meant to be."""
        return line.startswith("#") and (self.heading(line) is not None or self.meant(line) is not None)

    def heading(self, line: str) -> tuple[int, Title] | None:
        """The level and the title of a heading of ours; None for any other line."""
        found = _HEADING.fullmatch(line)
        if found is None or line[len(found.group(1))] not in " \t":
            return None
        title = self._title(found.group(2), len(found.group(1)))
        return (len(found.group(1)), title) if title else None

    @property
    def role_level(self) -> int:
        """The level of the headings of messages; what is in a message is a level below. 0 without messages."""
        return 0 if self.message is None else 1 if self.list_key else 2

    def meant(self, line: str) -> str | None:
        """What a line that is no heading of ours should be; None for one that just belongs to a text."""
        found = _HEADING.fullmatch(line)
        if found is None or not _WORD.fullmatch(found.group(2)):
            return None
        level, word = len(found.group(1)), found.group(2).lower()
        levels = dict.fromkeys(self.names, 1) | dict.fromkeys(self.roles, self.role_level)
        # A role at the level of keys is one that was meant to be a message.
        levels = {name: of for name, of in levels.items() if of == level or (of == 2 and level == 1)}
        name = word if word in levels else next(iter(get_close_matches(word, levels, 1, _ALIKE)), None)
        name = name or self._by_alias(word, levels)
        meant = f"{'#' * levels[name]} {name}" if name else line
        return meant if meant != line else None

    def _by_alias(self, word: str, known: Container[str]) -> str | None:
        """Ours of what others call a role."""
        role = ROLE_ALIASES.get(word) if self.message else None
        names = self.message.roles.items() if self.message and role else ()
        return next((name for name, target in names if target == role and name in known), None)

    def _title(self, text: str, level: int) -> Title | None:
        is_key, is_message = level == 1, level == self.role_level
        named = _WITH_NAME.fullmatch(text)
        if named and ((named.group(1) == KEY and is_key) or (named.group(1) == CALL and level == self.role_level + 1)):
            name = _unquoted(named.group(2))
            return Title(named.group(1), name) if name is not None else None
        if _QUOTED.fullmatch(text) and (is_key or is_message):
            name = _unquoted(text)
            return Title(ROLE if is_message else KEY, name) if name is not None else None
        if is_message and text in self.roles:
            return Title(ROLE, text)
        if is_key and text in self.keys:
            return Title(KEY, text)
        if is_key and self.has_segments and text in (LEARNED, READ, JSON):
            return Title(text)
        if self.message and (
            (level == self.role_level + 1 and text == TEXT) or (level >= self.role_level and text == JSON)
        ):
            return Title(text)
        return None

    def role_title(self, role: str) -> str:
        return role if role in self.roles else quoted(role)

    def key_title(self, key: str) -> str:
        if key in self.keys:
            return key
        return f"{KEY} {name_title(key)}" if self.list_key else quoted(key)


def name_title(name: str) -> str:
    """A name as it stands in a heading or before a colon: in quotes where it is no plain word."""
    return name if _SIMPLE.fullmatch(name) else quoted(name)


def quoted(name: str) -> str:
    return json.dumps(name)


def _unquoted(name: str) -> str | None:
    if not name.startswith('"'):
        return name
    try:
        found: Any = json.loads(name)
    except ValueError:
        return None
    return found if isinstance(found, str) else None
