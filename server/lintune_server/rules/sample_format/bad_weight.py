from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.samples import WEIGHT, SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import json_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF113", Severity.ERROR, needles=(WEIGHT,))
def bad_weight(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a message's `weight` that is neither 0 nor 1, and one on a message that is not the assistant's.

    ## Why it hurts
    A weight says whether an answer is learned (1, or no weight) or only read (0). There is nothing between, and other
    messages are never learned: whoever wrote it meant something that will not happen.

    ## Example
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!", "weight": 0.5}]}
    ```

    ## Use instead
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!", "weight": 0}]}
    ```
    """
    if line.plain or line.layout is None:
        return
    for message in line.messages:
        weight = message.value.get(WEIGHT) if isinstance(message.value, dict) else None
        if weight is None or message.role is None:
            continue
        spot = Value((*message.path, WEIGHT))
        if isinstance(weight, bool) or not isinstance(weight, int | float) or weight not in (0, 1):
            yield Problem(f"A weight is 0 or 1, and this is {json_kind(weight)}.", spot)
        # ShareGPT data (SlimOrca) has a weight of 0 on what is not learned anyway: nothing is wrong with that.
        elif message.role not in message.keys.learned_roles and not (
            weight == 0 and line.format is SampleFormat.SHAREGPT
        ):
            yield Problem(
                f"Only assistant messages have a weight: this {message.raw_role} message is never learned.", spot
            )
