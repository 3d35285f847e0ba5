"""Open documents: what each is, its text, and its findings, which follow the text."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas.layouts import LOOKED_AT
from lintune_schemas.recipe import is_recipe_name, names_base_model
from lintune_server.language_server import convert
from lintune_server.language_server.text import Change, Encoding, Text
from lintune_server.lint.checking import DATASET_SUFFIXES, YAML_SUFFIXES
from lintune_server.lint.lines import without_end

if TYPE_CHECKING:
    from collections.abc import Sequence

_DATASET_LANGUAGES = ("jsonl", "jsonlines", "json-lines", "ndjson")


class Kind(StrEnum):
    """What Lintune does with a document."""

    DATASET = "dataset"
    RECIPE = "recipe"
    OTHER = "other"


class Document:
    """One open document. Changed only on the event loop; threads get copies."""

    def __init__(self, uri: str, language: str, version: int, text: str) -> None:
        self.uri = uri
        self.path = convert.path_of(uri)
        """None for a document that is no file."""
        self.language = language
        self.version = version
        self.text = Text(text)
        self._kind: Kind | None = None
        """Known until the text changes: a YAML file is searched for what makes it a recipe."""

    @property
    def lint_path(self) -> Path:
        """The path that rules see; for an unsaved document its name alone."""
        return self.path or Path(convert.name_of(self.uri))

    @property
    def kind(self) -> Kind:
        if self._kind is None:
            self._kind = self._find_kind()
        return self._kind

    def _find_kind(self) -> Kind:
        name = self.lint_path
        if self.language in _DATASET_LANGUAGES or name.suffix in DATASET_SUFFIXES:
            return Kind.DATASET
        is_yaml = name.suffix in YAML_SUFFIXES or self.language == "yaml"
        if is_yaml and (is_recipe_name(name) or names_base_model(str(self.text))):
            return Kind.RECIPE
        return Kind.OTHER

    def change(
        self,
        version: int,
        edits: Sequence[tuple[tuple[tuple[int, int], tuple[int, int]] | None, str]],
        encoding: Encoding,
    ) -> list[Change]:
        """Apply edits in order; one without a range replaces the whole text. Returns what each did to the lines."""
        self._kind = None
        changes = []
        for places, new in edits:
            if places is None:
                removed, self.text = len(self.text.lines), Text(new)
                changes.append(Change(0, removed, tuple(self.text.lines)))  # those of now: more edits follow
            else:
                changes.append(self.text.replace(*places, new, encoding))
        self.version = version
        return changes

    def line(self, number: int) -> str | None:
        """A line's text without its line end; None when there is no such line."""
        return without_end(self.text.lines[number]) if 0 <= number < len(self.text.lines) else None

    @property
    def head(self) -> list[str]:
        """The first lines without their line ends, which decide on a data set's format."""
        return [without_end(line) for line in self.text.lines[:LOOKED_AT]]
