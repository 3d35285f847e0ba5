from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import line_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import TokenizedChat
    from lintune_server.lint.sample import Line


@line_rule("TK202", Severity.ERROR)
def nothing_left(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a sample that is longer than `sequence_len` and, with `excess_length_strategy: truncate`, is cut before the
    first token that is learned.

    ## Why it hurts
    What is left of it is a prompt, or a part of one, and a prompt is not learned. The sample costs time and teaches
    nothing; some trainers then compute a loss of nothing at all, which is no number.

    ## Example
    A question of 600 tokens and its answer under `sequence_len: 512` and `excess_length_strategy: truncate`.

    ## Use instead
    Shorten the prompt, or raise `sequence_len` as far as memory allows.
    """
    recipe, measured = line.surroundings.recipe, line.measured
    if recipe is None or measured is None or measured.tokens <= recipe.sequence_len:
        return
    if recipe.excess_length_strategy != "truncate":
        return
    limit, tokenized = recipe.sequence_len, line.tokenized
    if tokenized is None or is_left(tokenized, limit):
        return
    if True in tokenized.trained:
        before = tokenized.trained.index(True)
        yield Problem(
            f"{measured.tokens:,} tokens, of which sequence_len keeps {limit:,}, but what is learned begins only after "
            f"{before:,}: nothing to learn is left. Shorten the prompt, or raise sequence_len."
        )


def is_left(tokenized: TokenizedChat, limit: int) -> bool:
    """Whether anything is learned of the first tokens; the very first has none before it that could predict it."""
    return any(tokenized.trained[1:limit])
