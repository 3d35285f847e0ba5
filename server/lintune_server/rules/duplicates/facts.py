"""What is kept of every sample to find duplicates."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

from lintune_schemas import samples
from lintune_server.lint.data_set import fact

if TYPE_CHECKING:
    from lintune_server.lint.sample import Line


@fact("Q")
def exact_digest(line: Line) -> int:
    """Of the sample's canonical JSON: keys sorted, no white space outside strings, our own key left out."""
    assert line.sample is not None
    sample = line.sample
    if samples.IGNORE_KEY in sample:
        sample = {key: value for key, value in sample.items() if key != samples.IGNORE_KEY}
    canonical = orjson.dumps(sample, option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(hashlib.blake2b(canonical, digest_size=8).digest(), "little")
