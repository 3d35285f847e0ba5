from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas import samples
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import closest, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF101", Severity.ERROR)
def unknown_format(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a sample that has the keys of no known sample format, and says which keys the known ones have.

    ## Why it hurts
    The trainer does not know what to learn from it.

    ## Example
    ```json
    {"question": "What is the capital of France?", "reply": "Paris"}
    ```

    ## Use instead
    ```json
    {"prompt": "What is the capital of France?", "completion": "Paris"}
    ```
    """
    if line.sample is None or line.layout is not None:
        return
    found = [key for key in line.sample if key != samples.IGNORE_KEY]
    has = f"it has {listed(found)}" if found else "it is empty"
    known = "; ".join(f"{spec.format}: {listed(spec.required)}" for spec in samples.LAYOUTS.values())
    required = {key: spec.format for spec in samples.LAYOUTS.values() for key in spec.required}
    meant = next(((key, match) for key in found if (match := closest(key, required))), None)
    hint = f" Is {meant[0]} meant to be {meant[1]}?" if meant else ""
    yield Problem(f"This sample is in no known format: {has}. Known formats are {known}.{hint}")
