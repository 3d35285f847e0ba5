"""Tokens of texts out of the tokens of their words, for vocabularies that write spaces as `▁` (SentencePiece).

Such a tokenizer merges a whole text as one word, which is slow. But BPE only ever builds tokens of its vocabulary: when
no token in the vocabulary has a `▁` after another character, no merge reaches from one word into the next, and words
can be encoded one by one, each once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Encode = Callable[[list[str]], tuple[NDArray[np.uint32], NDArray[np.int64]]]

_FIRST = "\1"
"""Marks the first word of a text, the only one with no space before it. It is in no text that is asked for."""
_BREAK = "\0"
_BEFORE = "a "
"""Written before other words, and its token dropped: so the space is encoded as it is in the middle of a text."""
_MOST = 300_000
"""Words that are remembered: some 60 MB."""


class WordMemo:
    """Encodes texts word by word. `encode` gives for texts all their token ids, and how many are each text's."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        ids, _ = encode([_BEFORE[:-1]])
        self._before = int(ids[0])
        self._forget()

    def _forget(self) -> None:
        self._numbers = _Numbers()
        self._ids = np.zeros(0, np.uint32)
        self._starts = np.zeros(0, np.int64)
        self._counts = np.zeros(0, np.int64)

    def encode(self, texts: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """All token ids of the texts one after the other, and how many are each text's. Raises ValueError."""
        if len(self._numbers) > _MOST:
            self._forget()
        numbered: list[int] = []
        first_words: list[int] = []
        for text in texts:
            first_words.append(len(numbered))
            words = words_of(text)
            words[0] = _FIRST + words[0]
            numbered.extend(map(self._numbers.__getitem__, words))
        numbers = np.array(numbered, np.int64)
        self._learn()
        counts = self._counts[numbers]
        ends = np.cumsum(counts)
        within = np.repeat(self._starts[numbers] - (ends - counts), counts)
        ids = self._ids[within + np.arange(len(within))]
        return ids, np.add.reduceat(counts, first_words) if texts else counts

    def _learn(self) -> None:
        """Encode the words that were met for the first time."""
        words, self._numbers.new = self._numbers.new, []
        if not words:
            return
        first = np.array([word.startswith(_FIRST) for word in words])
        ids, counts = self._encode([word[1:] if word.startswith(_FIRST) else _BEFORE + word for word in words])
        counts = counts.astype(np.int64)
        starts = np.cumsum(counts) - counts
        if (ids[starts[~first]] != self._before).any():
            self._forget()
            raise ValueError("a word was merged with the one before it")
        self._starts = np.concatenate([self._starts, starts + ~first + len(self._ids)])
        self._counts = np.concatenate([self._counts, counts - ~first])
        self._ids = np.concatenate([self._ids, ids])


class _Numbers(dict[str, int]):
    """Numbers words in the order in which they are first asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.new: list[str] = []

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        self.new.append(word)
        return number


def words_of(text: str) -> list[str]:
    """The text cut before the first space of each run of spaces; that space is left out."""
    if "  " not in text:
        return text.split(" ")
    # Of a run of spaces the first becomes a break: all do, then every second is a space again, then all after a space.
    return text.replace(" ", _BREAK).replace(2 * _BREAK, _BREAK + " ").replace(" " + _BREAK, "  ").split(_BREAK)
