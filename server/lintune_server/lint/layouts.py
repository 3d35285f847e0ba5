"""Which format a file is in."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from lintune_schemas import samples

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lintune_schemas.samples import Layout, SampleFormat

_LOOKED_AT = 1000
"""Lines, from the beginning of the file. They decide for all, so that the rest need not be read first."""


def layout_of(lines: Iterable[str]) -> Layout | None:
    """The layout of most of the first lines that hold a sample; None when none does. lines: without blank ones."""
    counts: Counter[SampleFormat] = Counter()
    for line in islice(lines, _LOOKED_AT):
        try:
            value = orjson.loads(line)
        except (orjson.JSONDecodeError, UnicodeEncodeError):
            continue
        layout = samples.detect(value) if isinstance(value, dict) else None
        if layout:
            counts[layout.format] += 1
    if not counts:
        return None
    return max(samples.LAYOUTS.values(), key=lambda layout: counts[layout.format])
