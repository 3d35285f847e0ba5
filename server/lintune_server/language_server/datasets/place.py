"""The cursor's place in a sample, by the layout of its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from lintune_server.rules.sample_format.tools import tools_of

if TYPE_CHECKING:
    from lintune_schemas.samples import Field, Kind, Layout, Path
    from lintune_server.language_server.datasets.cursor import Cursor
    from lintune_server.language_server.datasets.reader import Reader
    from lintune_server.lint.sample import Line
    from lintune_server.rules.sample_format.tools import Function


@dataclass(frozen=True, slots=True)
class Place:
    """line: what the sample is without what stands at the cursor. layout: its file's; None when it has none yet."""

    cursor: Cursor
    line: Line
    layout: Layout | None
    reader: Reader

    @property
    def field(self) -> Field | None:
        """The key of the sample that the cursor is below."""
        key = self.cursor.path[0] if self.cursor.path else None
        return next((one for one in self.layout.fields if one.key == key), None) if self.layout else None

    @property
    def within_messages(self) -> Path | None:
        """The path from a message of a list onwards: empty for the message itself. None outside of messages."""
        path, field = self.cursor.path, self.field
        if field is None or not field.kind.holds_messages or len(path) < 2 or not isinstance(path[1], int):
            return None
        return path[2:]

    def below(self, kind: Kind) -> Path | None:
        """The path below a list of segments or tools: empty for one of its elements. None elsewhere."""
        field = self.field
        if field is None or field.kind is not kind or len(self.cursor.path) < 2:
            return None
        return self.cursor.path[2:]

    @property
    def messages(self) -> list[Any]:
        """The list of messages that the cursor is in."""
        found = self.value_at(self.cursor.path[:1])
        return found if isinstance(found, list) else []

    @property
    def message(self) -> dict[str, Any]:
        """The message that the cursor is in; empty when it is in none."""
        found = self.value_at(self.cursor.path[:2])
        return found if isinstance(found, dict) else {}

    @property
    def role(self) -> str | None:
        """That of the message, when it has one that is known."""
        raw = self.message.get(self.layout.message.role) if self.layout else None
        return self.layout.message.roles.get(raw) if self.layout and isinstance(raw, str) else None

    @property
    def is_answer(self) -> bool:
        """Whether a text stands here that the model learns to write."""
        field, path = self.field, self.within_messages
        if field is None or not field.learned or self.layout is None:
            return False
        if path is None:
            return field.kind.holds_text and len(self.cursor.path) == 1
        return path == (self.layout.message.content,) and self.role in self.layout.message.learned_roles

    @property
    def tools(self) -> dict[str, Function]:
        """The tools that the sample declares, by name."""
        return tools_of(self.line).functions or {}

    def parameters_of(self, name: Any) -> dict[str, dict[str, Any]]:
        """The parameters that a tool declares, by name, each with its JSON Schema."""
        tool = self.tools.get(name) if isinstance(name, str) else None
        schema = orjson.loads(tool.parameters) if tool and tool.parameters else {}
        properties = schema.get("properties") if isinstance(schema, dict) else None
        if not isinstance(properties, dict):
            return {}
        return {key: value if isinstance(value, dict) else {} for key, value in properties.items()}

    def value_at(self, path: Path) -> Any:
        """What stands at a path of the sample; None when nothing does."""
        value = self.cursor.sample
        for step in path:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value
