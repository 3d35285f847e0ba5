from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Change, Problem, Remedy, WholeFile
from lintune_server.lint.rule import head_rule
from lintune_server.rules.json_lines import encodings, file_kinds, one_a_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.shape import Head


@head_rule("JL005", Severity.ERROR)
def not_json_lines(head: Head) -> Iterator[Problem]:
    """
    ## What it does
    Reports a file that is no JSON Lines at all, once: one JSON list of samples, pretty-printed objects, a table, an
    archive, a web page in the place of a download. Its lines are not looked at.

    ## Why it hurts
    Tools that read line by line refuse every line, or take something for a sample that is none.

    ## Example
    ```json
    [
      {"prompt": "Hi", "completion": "Hello!"},
      {"prompt": "Bye", "completion": "See you!"}
    ]
    ```

    ## Use instead
    ```json
    {"prompt": "Hi", "completion": "Hello!"}
    {"prompt": "Bye", "completion": "See you!"}
    ```

    ## Fix
    Writes a list, or pretty-printed objects, with one object a line, each value as it was written. Safe. Only for
    files of 32 MB at most that are JSON throughout. `lintune convert` does the same for files of any size, and for
    tables, Parquet files and gzip archives.
    """
    if encodings.wide(head.data) is not None:
        return
    kind = file_kinds.kind_of(head)
    if kind is not None:
        yield Problem(f"This file is no JSON Lines: {kind.what}. {kind.advice}", WholeFile())
        return
    found = one_a_line.spread(head)
    if found is None:
        return
    what = "one JSON list" if found.one_list else "JSON that is spread over many lines"
    message = f"This file is {what}: write each sample on a line of its own."
    text = found.broken or _rewritten(head)
    match text:
        case str():
            remedy = Remedy("Write one object a line", (Change(WholeFile(), text),))
            yield Problem(message, WholeFile(), remedy)
        case (line, column):
            yield Problem(f"{message} Line {line:,}, column {column:,} is no JSON besides.", WholeFile())
        case _:
            yield Problem(f"{message} lintune convert does.", WholeFile())


def _rewritten(head: Head) -> str | one_a_line.Place | None:
    if head.size > one_a_line.MOST_BYTES:
        return None
    try:
        return one_a_line.rewritten(head.read().decode("utf-8"))
    except UnicodeDecodeError:
        return None
