"""Tokens that reach across the border between what is given and what is learned."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from lintune_server.rules.tokens import vocabulary

if TYPE_CHECKING:
    from lintune_schemas.chat import ChatTokenizer, RenderedChat, TokenizedChat


def borders(rendered: RenderedChat) -> list[int]:
    """The places in the text where what is learned begins or ends."""
    last = len(rendered.text)
    found: list[int] = []
    for start, stop in rendered.trained:
        if found and found[-1] == start:  # one learned part after the other
            found.pop()
        elif 0 < start < last:
            found.append(start)
        if stop < last:
            found.append(stop)
    return found


def may_join(tokenizer: ChatTokenizer, rendered: RenderedChat) -> bool:
    """Whether a token can reach across a border. Fast, and never False where one does."""
    known, text = vocabulary.of(tokenizer), rendered.text
    return any(known.may_join(text[place - 1 : place + 1]) for place in borders(rendered))


def across(tokenized: TokenizedChat, border: int) -> tuple[int, int] | None:
    """The characters of the token that reaches across a border; None when none does."""
    offsets = tokenized.offsets
    behind = bisect_left(offsets, (border,))
    start, stop = offsets[behind - 1] if behind else (0, 0)
    if stop > border:
        return start, stop
    # Some tokenizers leave the space out of a token's place that the token begins with.
    if tokenized.rendered.text[stop:border].isspace() and behind < len(offsets):
        return stop, offsets[behind][1]
    return None
