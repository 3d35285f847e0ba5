from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import line_rule
from lintune_server.rules.tokens.nothing_left import is_left

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import TokenizedChat
    from lintune_server.lint.sample import Line


@line_rule("TK201", Severity.WARNING)
def too_long(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports a sample with more tokens than the recipe's `sequence_len`, counted by the model's own tokenizer with the
    chat template applied, and says what becomes of it. Where it is cut so that nothing is left to learn, TK202 says so
    instead.

    ## Why it hurts
    By default the sample is dropped, so it is never learned. With `excess_length_strategy: truncate` its end is cut
    off, and the end is where the answer is: the model learns to stop nowhere.

    ## Example
    A sample of 700 tokens under `sequence_len: 512`.

    ## Use instead
    Shorten or split the sample, or raise `sequence_len` as far as memory allows.
    """
    recipe, measured = line.surroundings.recipe, line.measured
    if recipe is None or measured is None or measured.tokens <= recipe.sequence_len:
        return
    limit = recipe.sequence_len
    match recipe.excess_length_strategy:
        case "drop":
            fate = "it is dropped, so nothing of it is learned"
        case "raise":
            fate = "training stops there (excess_length_strategy: raise)"
        case "truncate":
            assert line.tokenized
            if not is_left(line.tokenized, limit):
                return
            fate = _cut(line.tokenized, limit)
    yield Problem(f"{measured.tokens:,} tokens, and sequence_len is {limit:,}: {fate}.")


def _cut(tokenized: TokenizedChat, limit: int) -> str:
    lost = sum(tokenized.trained[limit:])
    return f"the last {len(tokenized.ids) - limit:,} are cut off, {lost:,} of them learned ones"
