"""What is to be expected of a recipe's training, for its lens and its hovers: numbers, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FileNumbers:
    """A data set in numbers. Tokens are None without a tokenizer."""

    samples: int
    format: str | None = None
    tokens: int | None = None
    trained_tokens: int | None = None
    longest: int | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What there is to say about a training before it is started."""

    title: str
    """For a lens, on one line."""
    page: str
    """The same with its parts, in lines."""
    files: dict[str, FileNumbers] = field(default_factory=dict)
    """Data sets that can be read, by their paths in the recipe."""


def unknown(why: str) -> Outlook:
    """When nothing can be said."""
    title = f"No estimate: {why}"
    return Outlook(title, f"{title}.")
