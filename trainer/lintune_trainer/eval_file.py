"""`eval.json`: what the evaluations of a run measured, and how each sample of its eval set came out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import atomic, run_evaluation, runs
from lintune_schemas.run_evaluation import Measured, RunEvaluation, SampleResult, SampleScore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.events import Evaluation
    from lintune_trainer.data import Sample
    from lintune_trainer.evaluation import Scores
    from lintune_trainer.preference import PairScores

_DECIMALS = 6
"""Of a loss, as in events."""


def write(
    run: Path,
    recipe_folder: Path,
    samples: Sequence[Sample],
    evaluations: Sequence[Evaluation],
    *,
    base: Scores | PairScores | None = None,
    tuned: Scores | PairScores | None = None,
) -> None:
    """Write the file of a run directory; nothing without an eval set. Raises OSError.

    samples: the eval set. evaluations: all that were made so far, in order. base, tuned: the scores of the samples, in
    their order; where they are not given, those that the file has are kept: another process may have measured them.
    """
    if not samples:
        return
    kept = _kept(run)
    results = []
    for sample, of_base, of_tuned in zip(samples, _each(base, len(samples)), _each(tuned, len(samples)), strict=True):
        path = runs.path_in_recipe(sample.path, recipe_folder)
        before = kept.get((path, sample.line, sample.digest.hex()))
        results.append(
            SampleResult(
                path,
                sample.line,
                sample.digest.hex(),
                of_base or (before.base if before else None),
                of_tuned or (before.tuned if before else None),
            )
        )
    made = [msgspec.convert(evaluation, Measured, from_attributes=True) for evaluation in evaluations]
    trained_tokens = sum(sample.trained_tokens for sample in samples)
    written = msgspec.json.encode(RunEvaluation(len(samples), trained_tokens, made, results))
    atomic.write_bytes(run / run_evaluation.FILE, msgspec.json.format(written) + b"\n")


def _kept(run: Path) -> dict[tuple[str, int, str], SampleResult]:
    found = run_evaluation.read(run)
    return {(result.path, result.line, result.digest): result for result in found.each} if found else {}


def _each(scores: Scores | PairScores | None, count: int) -> Iterator[SampleScore | None]:
    if scores is None:
        yield from [None] * count
        return
    prefers = scores.prefers
    for score, preference in zip(scores.each, prefers or [None] * count, strict=True):
        yield SampleScore(round(score.loss, _DECIMALS), score.tokens, score.right, score.exact, preference)
