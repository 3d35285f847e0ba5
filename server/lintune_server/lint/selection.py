"""Which rules count: by code, or by the beginning of codes (`TK` is all of tokens and templates)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintune_schemas.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Selection:
    """select: None for every rule. What is in both lists is left out."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    other: Selection | None = None
    """A rule has to be in this one, too."""

    @classmethod
    def of(cls, recipe: Recipe | None) -> Selection:
        """What a recipe says under `lintune.lint`."""
        if recipe is None:
            return cls()
        lint = recipe.lintune.lint
        return cls(None if lint.select is None else tuple(lint.select), tuple(lint.ignore))

    def also(self, other: Selection | None) -> Selection:
        """What is in both. `other` has no other one itself."""
        return self if other is None else replace(other, other=self)

    def has(self, code: str) -> bool:
        if self.other is not None and not self.other.has(code):
            return False
        selected = self.select is None or any(code.startswith(prefix) for prefix in self.select)
        return selected and not any(code.startswith(prefix) for prefix in self.ignore)
