"""What the words of samples hash to, of many samples at once: digests of their parts, and MinHash sketches.

A word's hash is a polynomial of its bytes (Karp and Rabin, 1987) modulo 2^64, so that those of all words of many texts
are differences of one running sum; a part's digest is one of its words' hashes. The hash of a run of three words is the
sum of theirs, each times an odd number of its own, so that their order counts.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from rensa import RMinHash

from lintune_server.rules.duplicates.facts import BANDS, FEWEST_WORDS, ROWS
from lintune_server.rules.duplicates.words import ASCII_WORDS, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Texts = tuple[list[str], list[str], list[str], list[str]]
    """Of a sample: what the system says, the prompt, the answer, the answer that is rejected."""

_SEED = 1
_TIMES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
"""Odd, and far from each other: those of splitmix64 and xxHash."""
_BASE = 0xD6E8FEB86659FD93
"""Of the bytes of a word. Odd, so that it has an inverse."""
_WORD_BASE = 0xFF51AFD7ED558CCD
"""Of the words of a part."""
_MASK = (1 << 64) - 1
_SPACE = 32
_PARTS = 4
_MARK = 1
_BEHIND = b" \1"
"""Comes behind each part, with a mark that stands in no word."""
_AT_ONCE = 128
"""Samples whose arrays stay in a core's own cache: all of a piece at once take half as long again."""


class Prints(NamedTuple):
    """Of one sample."""

    digests: tuple[int, int, int, int]
    """Of the whole, of system and prompt, of the answer, of the rejected answer; 0 for no words."""
    minima: array[int]
    """A number for each band of the runs of words in prompt and answers; zeros where there are too few words."""


def of_sample(texts: Texts) -> Prints:
    """Of one sample, without numpy, which takes a tenth of a second to load."""
    parts = [[word for text in part for word in words(text)] for part in texts]
    system, prompt, learned, refused = (_digest(part) for part in parts)
    given = _mix(system * _TIMES[0] + prompt) if system else prompt
    whole = _mix(given * _TIMES[0] + learned * _TIMES[1] + refused * _TIMES[2])
    compared = [word for part in parts[1:] for word in part]
    shingles = zip(compared, compared[1:], compared[2:], strict=False) if len(compared) >= FEWEST_WORDS else ()
    return Prints((whole, given, learned, refused), of_shingles(shingles))


def of_shingles(shingles: Iterable[tuple[str, str, str]]) -> array[int]:
    """The minima of runs of words; zeros for none."""
    first, second, third = _TIMES
    runs = array("Q", [(_hash(a) * first + _hash(b) * second + _hash(c) * third) & _MASK for a, b, c in shingles])
    if not runs:
        return array("I", bytes(4 * BANDS))
    return array("I", bytes(minimum & 0xFF for minimum in _minhashes(runs, array("Q", [0, len(runs)]))[0]))


def _digest(part: Sequence[str]) -> int:
    found = 0
    for word in reversed(part):
        found = (found * _WORD_BASE + _hash(word)) & _MASK
    return _mix(found + len(part)) if part else 0


@lru_cache(1 << 16)
def _hash(word: str) -> int:
    found = 0
    for byte in reversed(word.encode("utf-8", "surrogatepass")):
        found = (found * _BASE + byte) & _MASK
    return found


def _mix(value: int) -> int:
    """So that each bit depends on all: the last steps of splitmix64."""
    value &= _MASK
    for shift, times in _STEPS:
        value = (value ^ (value >> shift)) * times & _MASK
    return value ^ (value >> 31)


_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def of_many(samples: Sequence[Texts]) -> list[Prints]:
    """Of each sample, as `of_sample` gives it."""
    found: list[Prints] = []
    for start in range(0, len(samples), _AT_ONCE):
        found += _of_some(samples[start : start + _AT_ONCE])
    return found


def _of_some(samples: Sequence[Texts]) -> list[Prints]:
    import numpy as np

    hashes, bounds = _hashes(_plain(samples))
    # Words of the parts: those of part p of sample s lie between bounds[s * 4 + p] and the next one.
    parts = bounds.reshape(-1, _PARTS)
    lengths = np.diff(bounds, prepend=0)
    starts = bounds - lengths
    sums = np.append(np.uint64(0), np.cumsum(hashes * _powers(_WORD_BASE, len(hashes)), dtype=np.uint64))
    values = (sums[bounds] - sums[starts]) * _powers(pow(_WORD_BASE, -1, 1 << 64), len(hashes) + 1)[starts]
    values = _mixed(values + lengths.astype(np.uint64))
    values[lengths == 0] = 0
    system, prompt, learned, refused = values.reshape(-1, _PARTS).T
    first, second, third = (np.uint64(times) for times in _TIMES)
    given = np.where(system == 0, prompt, _mixed(system * first + prompt))
    whole = _mixed(given * first + learned * second + refused * third)
    digests = zip(*[column.tolist() for column in (whole, given, learned, refused)], strict=True)
    minima = _sketches(hashes, parts[:, 0], parts[:, -1])
    return [Prints(*found) for found in zip(digests, minima, strict=True)]


def _sketches(hashes: NDArray[Any], starts: NDArray[Any], ends: NDArray[Any]) -> list[array[int]]:
    """The minima of the words between a start and an end, of each of these."""
    import numpy as np

    lengths = ends - starts
    counts = np.where(lengths < FEWEST_WORDS, 0, lengths - 2)
    upto = np.cumsum(counts)
    begins = np.arange(counts.sum()) + np.repeat(starts - (upto - counts), counts)
    first, second, third = (np.uint64(times) for times in _TIMES)
    runs = hashes[begins] * first + hashes[begins + 1] * second + hashes[begins + 2] * third
    minima = np.array(_minhashes(runs, np.append(np.uint64(0), upto.astype(np.uint64))), np.uint32).astype(np.uint8)
    minima[counts == 0] = 0
    return [array("I", row.tobytes()) for row in minima]


def _plain(samples: Sequence[Texts]) -> bytes:
    """The words of all parts with spaces between them, and the mark behind each part. A space comes first."""
    parts = [_words_in(texts) if texts else b"" for parts in samples for texts in parts]
    return b" %b%b" % (_BEHIND.join(parts), _BEHIND)


def _words_in(texts: list[str]) -> bytes:
    text = texts[0] if len(texts) == 1 else " ".join(texts)
    if text.isascii():
        return text.encode("ascii").translate(ASCII_WORDS, b"'")
    return " ".join([word for text in texts for word in words(text)]).encode("utf-8", "surrogatepass")


def _hashes(plain: bytes) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of all words; and how many of them stand before each mark."""
    import numpy as np

    data = np.frombuffer(plain, np.uint8)
    edges = np.flatnonzero(np.diff(data > _SPACE)) + 1
    starts, ends = edges[::2], edges[1::2]
    bounds = np.searchsorted(starts, np.flatnonzero(data == _MARK))
    sums = np.append(np.uint64(0), np.cumsum(data * _powers(_BASE, len(data)), dtype=np.uint64))
    hashes = (sums[ends] - sums[starts]) * _powers(pow(_BASE, -1, 1 << 64), len(data))[starts]
    return hashes, bounds


def _mixed(values: NDArray[Any]) -> NDArray[Any]:
    """As `_mix`, each of many."""
    import numpy as np

    for shift, times in _STEPS:
        values = (values ^ (values >> np.uint64(shift))) * np.uint64(times)
    mixed: NDArray[Any] = values ^ (values >> np.uint64(31))
    return mixed


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


def _minhashes(runs: object, rows: object) -> list[list[int]]:
    found: list[list[int]] = RMinHash.digest_matrix_from_flat_token_hashes(runs, rows, BANDS * ROWS, _SEED).to_rows()
    return found
