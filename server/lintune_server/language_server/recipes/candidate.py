"""One thing that could be written at the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Sort(StrEnum):
    """What a candidate is, which decides its picture."""

    KEY = "key"
    SECTION = "section"
    CHOICE = "choice"
    NUMBER = "number"
    FILE = "file"
    FOLDER = "folder"
    MODEL = "model"
    MODULE = "module"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Candidate:
    label: str
    sort: Sort
    text: str = ""
    """What is inserted; the label when empty. A key comes with its colon."""
    detail: str = ""
    """A few words beside the label."""
    page: str = ""
    """Markdown, to be read before one decides."""
    rank: int = 0
    """Lower ones are shown first; among equals, the order is that of the list."""
    stop: int | None = None
    """Where in the text the cursor is to be afterwards; None for its end."""
    deprecated: bool = False
    preselected: bool = False

    @property
    def inserted(self) -> str:
        return self.text or self.label
