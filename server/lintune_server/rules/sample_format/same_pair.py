from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.samples import SampleFormat
from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF117", Severity.ERROR)
def same_pair(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a preference pair whose two answers are the same; as a warning, one whose answers differ only in white
    space.

    ## Why it hurts
    The model is told to prefer an answer to itself. White space alone teaches it nothing that anybody meant.

    ## Example
    ```json
    {"prompt": "Hi", "chosen": "Hello!", "rejected": "Hello!"}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi", "chosen": "Hello!", "rejected": "What do you want?"}
    ```
    """
    if line.format is not SampleFormat.PREFERENCE or line.sample is None or line.layout is None:
        return
    chosen_key, rejected_key = line.layout.key("chosen"), line.layout.key("rejected")
    chosen, rejected = line.sample.get(chosen_key), line.sample.get(rejected_key)
    if chosen in (None, "", []) or rejected is None:
        return
    if chosen == rejected:
        yield Problem(
            f"{chosen_key} and {rejected_key} are the same: there is nothing to prefer.", Value((rejected_key,))
        )
    elif _begin_alike(chosen, rejected) and _words(chosen) == _words(rejected):
        yield Problem(
            f"{chosen_key} and {rejected_key} differ only in white space.",
            Value((rejected_key,)),
            severity=Severity.WARNING,
        )


def _begin_alike(chosen: Any, rejected: Any) -> bool:
    """False for nearly all texts, without cutting all of them."""
    if not isinstance(chosen, str) or not isinstance(rejected, str):
        return True
    return chosen.split(None, 3)[:3] == rejected.split(None, 3)[:3]


def _words(value: Any) -> Any:
    """The value with its texts cut at white space."""
    match value:
        case str():
            return value.split()
        case list():
            return [_words(item) for item in value]
        case dict():
            return {key: _words(item) for key, item in value.items()}
    return value
