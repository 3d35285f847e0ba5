"""What is kept of every sample to find duplicates: 104 bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import orjson

from lintune_schemas import samples
from lintune_schemas.samples import SampleFormat
from lintune_server.lint.data_set import fact
from lintune_server.rules.duplicates.words import prepare as prepare_words
from lintune_server.rules.duplicates.words import words

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Sequence

    from lintune_server.lint.sample import Line
    from lintune_server.rules.duplicates.sketches import Prints, Texts

WHOLE, PROMPT, ANSWER, REJECTED = range(4)
"""The columns of `digests`."""

BANDS, ROWS = 16, 4
"""Two samples of similarity J share all r minima of a band with probability J^r, and one of b bands at least with
1 - (1 - J^r)^b (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4). With 16 bands of 4:

    J    0.05     0.1     0.2     0.3    0.4    0.5    0.6    0.7     0.8      0.85       0.9
         0.0001   0.002   0.027   0.13   0.35   0.65   0.89   0.988   0.9998   0.99999    0.99999996

so that hardly a pair from 0.8 on is missed, and of those that have nothing to do with each other one in ten thousand is
looked at in vain."""
FEWEST_WORDS = 10
"""Under which samples are not compared by their words: one of them alone makes it another sample."""


class Words(NamedTuple):
    """The words of a sample. Of several turns, those of all of them."""

    system: list[str]
    prompt: list[str]
    answer: list[str]
    rejected: list[str]
    """Of a preference pair, where `answer` is the chosen one."""

    @property
    def compared(self) -> list[str]:
        """Prompt and answer. What the system says is often the same in all samples, and often long."""
        return self.prompt + self.answer + self.rejected


@fact("Q")
def exact_digest(line: Line) -> int:
    """Of the sample's canonical JSON: keys sorted, no white space outside strings, our own key left out."""
    assert line.sample is not None
    sample = line.sample
    if samples.IGNORE_KEY in sample:
        sample = {key: value for key, value in sample.items() if key != samples.IGNORE_KEY}
    return _digest(orjson.dumps(sample, option=orjson.OPT_SORT_KEYS))


def _digests_of_many(lines: Sequence[Line]) -> Sequence[Sequence[int]]:
    return [found.digests for found in _prints_of_many(lines)]


@fact("Q", width=4, many=_digests_of_many, prepare=prepare_words)
def digests(line: Line) -> Sequence[int]:
    """Of the words of the whole, of all that is not learned, of what is, and of the answer that is rejected.

    0 where there are none.
    """
    return _prints_of(line).digests


def _minima_of_many(lines: Sequence[Line]) -> Sequence[Sequence[int]]:
    return [found.minima for found in _prints_of_many(lines)]


@fact("I", width=BANDS, many=_minima_of_many)
def minima(line: Line) -> Sequence[int]:
    """A MinHash of the runs of three words; a number for each band, of the low bytes of its minima. Zeros for nothing.

    Two minima that differ have equal low bytes once in 256 times: as good as none of a band's four do.
    """
    return _prints_of(line).minima


def _prints_of_many(lines: Sequence[Line]) -> list[Prints]:
    """Both facts of each line, found at once for all."""
    new = [line for line in lines if not line.has(_prints_of_one)]
    if new:
        from lintune_server.rules.duplicates import sketches

        for line, prints in zip(new, sketches.of_many([_raw_texts_of(line) for line in new]), strict=True):
            line.remember(_prints_of_one, prints)
    return [_prints_of(line) for line in lines]


def _prints_of(line: Line) -> Prints:
    return line.remembered(_prints_of_one)


def _prints_of_one(line: Line) -> Prints:
    from lintune_server.rules.duplicates import sketches

    return sketches.of_sample(_raw_texts_of(line))


def sketch_of(shingles: Iterable[tuple[str, str, str]]) -> array[int]:
    from lintune_server.rules.duplicates import sketches

    return sketches.of_shingles(shingles)


def words_of(line: Line) -> Words:
    """Each of a line's facts asks for them."""
    return line.remembered(_words_of)


def _words_of(line: Line) -> Words:
    return Words(*[[word for text in texts for word in words(text)] for texts in _raw_texts_of(line)])


def _raw_texts_of(line: Line) -> Texts:
    """What the system says, the prompt, the answer, the answer that is rejected."""
    found: Texts = ([], [], [], [])
    system, prompt, answer, refused = found
    rejected = None
    if line.format is SampleFormat.PREFERENCE and line.layout is not None:
        rejected = line.layout.key("rejected")
    for text in line.texts:
        if text.learned:
            (refused if text.path[0] == rejected else answer).append(text.text)
        else:
            (system if text.role == "system" else prompt).append(text.text)
    if samples.TOOL_CALLS in line.text:
        answer += calls_of(line)
    return found


def calls_of(line: Line, *, learned: bool = True) -> list[str]:
    """What the model learns to call, or is shown to have called: functions and arguments as JSON, without call ids."""
    found = []
    for message in line.messages:
        calls = message.fields.get(samples.TOOL_CALLS) if message.fields and message.trained is learned else None
        for call in calls if isinstance(calls, list) else ():
            what = call.get("function", call) if isinstance(call, dict) else call
            found.append(orjson.dumps(what, option=orjson.OPT_SORT_KEYS).decode())
    return found


def _digest(data: bytes) -> int:
    """64 bits: among two million samples, chance alone makes one in ten million files have two that are equal."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
