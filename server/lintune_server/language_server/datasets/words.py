"""The first words of a text, for where there is room for no more."""

from __future__ import annotations

_LONGEST = 60
"""Characters. Outlines are narrow."""
_LOOKED_AT = 400
"""Characters, of which white space may be many."""


def first_words(text: str) -> str:
    """The beginning of a text on one line; empty for nothing but white space."""
    words = " ".join(text[:_LOOKED_AT].split())
    if len(words) <= _LONGEST and len(text) <= _LOOKED_AT:
        return words
    return f"{words[: _LONGEST - 1].rstrip()}…"
