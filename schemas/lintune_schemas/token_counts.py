"""How many tokens many rendered chats have, and how many of them are learned, from the fast tokenizer's arrays.

Of each token only its id and its width in bytes are known. The tokens of a text cover it without gap or overlap (that
is looked at each time), so the sums of widths are where tokens begin.
"""

from __future__ import annotations

from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from lintune_schemas.fast_tokenizer import sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lintune_schemas.chat import RenderedChat
    from lintune_schemas.fast_tokenizer import Encoded, FastTokenizer

Counts = tuple[int, int]
"""Tokens, and tokens that are learned."""


class TokenCounter:
    """Counts with a fast tokenizer. `end_ids`: the tokens that end a turn."""

    def __init__(self, tokenizer: FastTokenizer, end_ids: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._end_ids = np.array(sorted(end_ids), np.uint32)
        self._lock = Lock()  # what the tokenizer remembers is for one thread at a time

    def count(self, chats: Sequence[RenderedChat], train_on_inputs: bool) -> list[Counts | None]:
        """The counts of each chat; None for one that the exact tokenizer has to be asked about."""
        accepted = self._tokenizer.accepts([chat.text for chat in chats])
        chosen = [chat for chat, accepts in zip(chats, accepted, strict=True) if accepts]
        if not chosen:
            return [None] * len(chats)
        try:
            with self._lock:
                encoded = self._tokenizer.encode([chat.text for chat in chosen])
        except ValueError:
            return [None] * len(chats)
        counts = iter(self._counts(encoded, chosen, train_on_inputs))
        return [next(counts) if accepts else None for accepts in accepted]

    def _counts(self, encoded: Encoded, chats: Sequence[RenderedChat], train_on_inputs: bool) -> list[Counts | None]:
        lengths = [len(chat.text) if chat.text.isascii() else len(chat.text.encode()) for chat in chats]
        covered = sums(encoded.widths, encoded.counts) == np.array(lengths)
        learned = encoded.counts if train_on_inputs else self._learned(encoded, chats)
        rows = zip(encoded.counts.tolist(), learned.tolist(), covered.tolist(), chats, strict=True)
        return [
            (tokens, trained) if is_covered and (train_on_inputs or _in_order(chat.trained)) else None
            for tokens, trained, is_covered, chat in rows
        ]

    def _learned(self, encoded: Encoded, chats: Sequence[RenderedChat]) -> NDArray[np.int64]:
        """For each chat the tokens in its trained spans, those after the last end of a turn in a span left out."""
        spans = [(index, *span) for index, chat in enumerate(chats) for span in _bytes(chat)]
        if not spans:
            return np.zeros(len(chats), np.int64)
        owner, begin, end = np.array(spans, np.int64).T
        upto = np.cumsum(encoded.widths, dtype=np.int64)
        starts = upto - encoded.widths
        # All texts one after the other: where each one begins among the bytes that the tokens cover.
        text_sizes = sums(encoded.widths, encoded.counts)
        texts = np.cumsum(text_sizes) - text_sizes
        first = np.searchsorted(starts, begin + texts[owner])
        beyond = np.searchsorted(starts, end + texts[owner])
        ends = np.flatnonzero(np.isin(encoded.ids, self._end_ids))
        before = np.searchsorted(ends, beyond)
        last = np.where(before > 0, ends[before - 1] if len(ends) else -1, -1)
        learned = np.where(last >= first, last + 1, beyond) - first
        return np.bincount(owner, np.maximum(learned, 0), len(chats)).astype(np.int64)


def _bytes(chat: RenderedChat) -> Sequence[tuple[int, int]]:
    """The trained spans in bytes of UTF-8."""
    text = chat.text
    if text.isascii():
        return chat.trained
    return [(len(text[:start].encode()), len(text[:end].encode())) for start, end in chat.trained]


def _in_order(spans: tuple[tuple[int, int], ...]) -> bool:
    """Whether no token is in two spans."""
    return len(spans) < 2 or all(before[1] <= after[0] for before, after in pairwise(spans))
