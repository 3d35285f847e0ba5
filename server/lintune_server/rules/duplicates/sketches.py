"""MinHash sketches of texts, one by one or of many at once: both ways give the same.

A word's hash is a polynomial of its bytes (Karp and Rabin, 1987) modulo 2^64, so that those of all words of many texts
are differences of one running sum. That of a run of three words is the sum of theirs, each times an odd number of its
own, so that their order counts.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rensa import RMinHash

from lintune_server.rules.duplicates.facts import BANDS, ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_SEED = 1
_TIMES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
"""Odd, and far from each other: those of splitmix64 and xxHash."""
_BASE = 0xD6E8FEB86659FD93
"""Odd, so that it has an inverse."""
_INVERSE = pow(_BASE, -1, 1 << 64)
_MASK = (1 << 64) - 1
_SPACE = 32


def of_one(shingles: Iterable[tuple[str, str, str]]) -> array[int]:
    """Of runs of words; a number for each band."""
    first, second, third = _TIMES
    runs = array("Q", [(_hash(a) * first + _hash(b) * second + _hash(c) * third) & _MASK for a, b, c in shingles])
    digest = _digests(runs, array("Q", [0, len(runs)]))[0]
    return array("I", bytes([minimum & 0xFF for minimum in digest]))


def of_many(texts: Sequence[list[str]]) -> list[array[int]]:
    """Of all runs of three words in each text; zeros for a text without any. No word has white space in it."""
    import numpy as np

    hashes = _hashes("\n".join([" ".join(words) for words in texts if words]))
    first, second, third = (np.uint64(times) for times in _TIMES)
    runs = hashes[:-2] * first + hashes[1:-1] * second + hashes[2:] * third
    bounds = np.cumsum([0, *map(len, texts)])
    assert bounds[-1] == len(hashes)
    whole = np.ones(len(hashes), bool)
    for back in (1, 2):  # a run that begins at one of a text's last two words would go on in the next text
        at = bounds[1:] - back
        whole[at[at >= bounds[:-1]]] = False
    counts = np.maximum(np.diff(bounds) - 2, 0)
    rows = np.concatenate([np.zeros(1, np.uint64), np.cumsum(counts, dtype=np.uint64)])
    sketches = np.array(_digests(runs[whole[: len(runs)]], rows), np.uint32).astype(np.uint8)
    sketches[counts == 0] = 0
    return [array("I", row.tobytes()) for row in sketches]


@lru_cache(1 << 16)
def _hash(word: str) -> int:
    found = 0
    for byte in reversed(word.encode("utf-8", "surrogatepass")):
        found = (found * _BASE + byte) & _MASK
    return found


def _hashes(text: str) -> NDArray[Any]:
    """Of the words of a text that stand between single spaces or line ends."""
    import numpy as np

    if not text:
        return np.zeros(0, np.uint64)
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    between = np.flatnonzero(data <= _SPACE)
    starts, ends = np.append(0, between + 1), np.append(between, len(data))
    sums = np.append(np.uint64(0), np.cumsum(data * _powers(_BASE, len(data)), dtype=np.uint64))
    found: NDArray[Any] = (sums[ends] - sums[starts]) * _powers(_INVERSE, len(data) + 1)[starts]
    return found


_known_powers: dict[int, NDArray[Any]] = {}


def _powers(base: int, count: int) -> NDArray[Any]:
    """The first powers of a number, modulo 2^64. Those of the longest text so far are remembered."""
    import numpy as np

    known = _known_powers.get(base)
    if known is None or len(known) < count:
        known = np.full(max(count, 1 << 16), base, np.uint64)
        known[0] = 1
        known = _known_powers[base] = np.cumprod(known)
    return known[:count]


def _digests(runs: object, rows: object) -> list[list[int]]:
    found: list[list[int]] = RMinHash.digest_matrix_from_flat_token_hashes(runs, rows, BANDS * ROWS, _SEED).to_rows()
    return found
