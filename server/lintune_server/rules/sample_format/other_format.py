from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import line_rule
from lintune_server.lint.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.sample import Line


@line_rule("SF102", Severity.ERROR)
def other_format(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a sample in another format than its file: a prompt and a completion among chats.

    ## Why it hurts
    A file is read in one way. Trainers stop at such a sample, or leave it out in silence.

    ## Example
    ```json
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}
    {"prompt": "What is the capital of France?", "completion": "Paris"}
    ```

    ## Use instead
    Write all samples of a file in one format, or put each format into a file of its own.
    """
    own, of_file = line.layout, line.surroundings.layout
    if own is of_file or own is None or of_file is None:
        return
    if own.format is not of_file.format:
        article = "an" if own.format[0] in "ai" else "a"
        message = f"This is {article} {own.format} sample, and the file holds {of_file.format} samples"
    else:
        message = f"This sample has {listed(own.required)}, and those of the file have {listed(of_file.required)}"
    yield Problem(f"{message}: rewrite it, or move it to a file of its own.")
