"""Which rules count: by code, or by the beginning of codes (`TK` is all of tokens and templates)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """select: None for every rule. What is in both lists is left out."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()

    def has(self, code: str) -> bool:
        selected = self.select is None or code.startswith(self.select)
        return selected and not code.startswith(self.ignore)
