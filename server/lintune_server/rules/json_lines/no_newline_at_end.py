from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.lines import BLANK
from lintune_server.lint.problems import Change, Columns, Problem, Remedy
from lintune_server.lint.rule import shape_rule
from lintune_server.rules.json_lines.line_ends import usual_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.shape import Shape


@shape_rule("JL011", Severity.HINT)
def no_newline_at_end(shape: Shape) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports a file whose last line has no line end.

    ## Why it hurts
    `cat a.jsonl b.jsonl` puts two samples on one line, and `wc -l` counts one too few.

    ## Example
    A file that ends with the last sample's `}`.

    ## Use instead
    A file that ends with a line feed behind it.

    ## Fix
    Adds the line end that the other lines have. Safe.
    """
    if shape.last.strip(BLANK):
        end = len(shape.last)
        changes = (Change(Columns(end, end), usual_end(shape)),)
        problem = Problem("The last line has no line end.", Columns(end - 1, end), Remedy("Add a line end", changes))
        yield shape.lines - 1, problem
