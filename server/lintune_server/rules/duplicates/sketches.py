"""MinHash sketches of texts, one by one or of many at once: both ways give the same.

Every word has a hash of 64 bits. That of a run of three words is the sum of its words' hashes, each times an odd number
of its own, so that their order counts.
"""

from __future__ import annotations

import hashlib
from array import array
from typing import TYPE_CHECKING

from rensa import RMinHash

from lintune_server.rules.duplicates.facts import BANDS, ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SEED = 1
_TIMES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
"""Odd, and far from each other: those of splitmix64 and xxHash."""
_MASK = (1 << 64) - 1
_MOST_WORDS = 1 << 20
"""That are remembered, some hundred megabytes at most."""


class _Hashes(dict[str, int]):
    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_WORDS:
            self.clear()
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        found = self[word] = int.from_bytes(digest, "little")
        return found


_hashes = _Hashes()


def of_one(shingles: Iterable[tuple[str, str, str]]) -> array[int]:
    """Of runs of words; a number for each band."""
    first, second, third = _TIMES
    of = _hashes.__getitem__
    runs = array("Q", [(of(a) * first + of(b) * second + of(c) * third) & _MASK for a, b, c in shingles])
    return _bands(_digests(runs, array("Q", [0, len(runs)]))[0])


def of_many(texts: Sequence[list[str]]) -> list[array[int]]:
    """Of all runs of three words in each text; zeros for a text without any."""
    import numpy as np

    flat = array("Q")
    ends = array("q", [0])
    for words in texts:
        flat.extend(map(_hashes.__getitem__, words))
        ends.append(len(flat))
    hashes = np.frombuffer(flat, np.uint64)
    first, second, third = (np.uint64(times) for times in _TIMES)
    runs = hashes[:-2] * first + hashes[1:-1] * second + hashes[2:] * third
    bounds = np.frombuffer(ends, np.int64)
    within = np.ones(len(hashes), bool)
    for back in (1, 2):  # a run that begins at one of a text's last two words would go on in the next text
        at = bounds[1:] - back
        within[at[at >= bounds[:-1]]] = False
    counts = np.maximum(np.diff(bounds) - 2, 0)
    kept = runs[within[: len(runs)]]
    rows = np.concatenate([np.zeros(1, np.uint64), np.cumsum(counts, dtype=np.uint64)])
    sketches = np.array(_digests(kept, rows), np.uint32).astype(np.uint8)
    sketches[counts == 0] = 0
    return [array("I", row.tobytes()) for row in sketches]


def _digests(runs: object, rows: object) -> list[list[int]]:
    found: list[list[int]] = RMinHash.digest_matrix_from_flat_token_hashes(runs, rows, BANDS * ROWS, _SEED).to_rows()
    return found


def _bands(digest: list[int]) -> array[int]:
    return array("I", bytes([minimum & 0xFF for minimum in digest]))
