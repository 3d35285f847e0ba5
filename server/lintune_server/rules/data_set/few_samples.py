from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem
from lintune_server.lint.rule import file_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet

_HARDLY_ANY = 10
"""OpenAI's fine-tuning refuses less."""


@file_rule("DS501", Severity.INFO)
def few_samples(data: DataSet) -> Iterator[tuple[None, Problem]]:
    """
    ## What it does
    Counts the samples of all files that the recipe trains on: says so under 1,000 (`enough_samples` under
    `lintune.lint.thresholds`), and calls it an error under 10.

    ## Why it hurts
    Of few samples a model learns the words rather than the task. 1,000 to 5,000 clean ones are a good start; below,
    each of them has to count, and the evaluation has to show whether they were enough.

    ## Example
    A `train.jsonl` of 40 lines.

    ## Use instead
    More samples; before that, no more epochs.
    """
    # What is usually recommended for a small model and one task: 1,000 to 5,000 clean samples. LIMA made an assistant
    # of a large model with 1,000 (Zhou et al. 2023).
    enough = data.surroundings.thresholds.enough_samples
    samples = sum(len(one) for one in data.training)
    if not data.trained_on or not samples or samples >= max(enough, _HARDLY_ANY):
        return
    what = "1 sample" if samples == 1 else f"{samples} samples"
    if samples < _HARDLY_ANY:
        yield None, Problem(f"{what} to train on: too few to learn anything from.", severity=Severity.ERROR)
    else:
        yield None, Problem(f"{what} to train on. 1,000 to 5,000 clean ones are a good start for most tasks.")
