from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.lines import BLANK
from lintune_server.lint.problems import Change, Columns, LineBreak, Problem, Remedy
from lintune_server.lint.rule import shape_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.shape import Shape


@shape_rule("JL003", Severity.WARNING)
def blank_line(shape: Shape) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports lines with nothing but white space.

    ## Why it hurts
    JSON Lines has a value on every line: some readers stop at a blank one, others count it as a sample.

    ## Example
    ```json
    {"prompt": "Hi", "completion": "Hello!"}

    {"prompt": "Bye", "completion": "See you!"}
    ```

    ## Use instead
    ```json
    {"prompt": "Hi", "completion": "Hello!"}
    {"prompt": "Bye", "completion": "See you!"}
    ```

    ## Fix
    Deletes the blank lines. Safe.
    """
    for first, count in _runs(shape):
        changes = tuple(Change(LineBreak(number), "") for number in range(first, first + count))
        if count == 1:
            yield first, Problem("A blank line.", Columns(), Remedy("Delete the blank line", changes))
        else:
            message = f"{count:,} blank lines, of which this is the first."
            yield first, Problem(message, Columns(), Remedy("Delete the blank lines", changes))
    if shape.last and not shape.last.strip(BLANK):
        changes = (Change(Columns(), ""),)
        problem = Problem("White space behind the last line.", Columns(), Remedy("Delete the white space", changes))
        yield shape.lines - 1, problem


def _runs(shape: Shape) -> Iterator[tuple[int, int]]:
    """The first of the blank lines that follow each other, and how many there are."""
    first, count = -1, 0
    for number in shape.blank:
        if number != first + count:
            if count:
                yield first, count
            first, count = number, 0
        count += 1
    if count:
        yield first, count
