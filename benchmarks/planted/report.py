"""The benchmark's figures for people, and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.planted.codes import CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.planted.judging import Judge, Score, Verdict

WANTED = 0.99
"""Least recall and precision of a rule. Errors stop a training: of those none may be false."""

_EXCERPT = 200


def table(scores: dict[str, Score]) -> Iterator[str]:
    yield (
        f"{'rule':<6} {'planted':>7} {'found':>6} {'recall':>7} {'findings':>9} {'true':>6} {'precision':>10} "
        f"{'other severity':>15} {'on clean data':>14}"
    )
    for code, score in scores.items():
        yield (
            f"{code:<6} {score.planted:>7} {score.found:>6} {_shown(score.recall):>7} {score.true + score.false:>9} "
            f"{score.true:>6} {_shown(score.precision):>10} {score.other_severity:>15} {score.on_clean:>14}"
        )


def figures(scores: dict[str, Score]) -> dict[str, Any]:
    """For the last line of output. Null where a rule found nothing, so that it has no precision."""
    return {
        "rules": {
            code: {"planted": score.planted, "recall": _rounded(score.recall), "precision": _rounded(score.precision)}
            for code, score in scores.items()
        },
        "min_recall": _rounded(_least(score.recall for score in scores.values())),
        "min_precision": _rounded(_least(score.precision for score in scores.values())),
        "min_error_precision": _rounded(_least(score.error_precision for score in scores.values())),
    }


def good(verdict: Verdict) -> bool:
    """Whether every rule is as good as it must be, and no message shows a secret."""
    scores = verdict.scores.values()
    return (
        all(score.recall is None or score.recall >= WANTED for score in scores)
        and all(score.precision is None or score.precision >= WANTED for score in scores)
        and all(score.error_precision in (None, 1) for score in scores)
        and not verdict.echoed
    )


def misses(verdict: Verdict, judge: Judge) -> Iterator[str]:
    """Each defect that was not found, each finding where there is no such defect, each secret that was shown."""
    for folder, plant in verdict.misses:
        line = plant.defect.line or f"file {plant.file}"
        place, variant = f"{folder.name}/{plant.file}:{plant.line}", _cut(plant.defect.variant)
        yield f"missed  {plant.code} {place} ({variant}) {_cut(line)}"
    for finding, why in verdict.false:
        place = f"{finding.path.parent.name}/{finding.path.name}:{finding.line}"
        line = judge.excerpt(finding).decode("utf-8", "replace")
        yield f"false   {finding.code} {place} ({why}) {_cut(finding.message)} | {_cut(line)}"
    for folder, plant in verdict.echoed:
        yield f"echoed  {plant.code} {folder.name}/{plant.file}:{plant.line} ({plant.defect.variant})"


def unknown(codes: Iterable[str]) -> list[str]:
    """Codes or families that the rule book does not have."""
    return [code for code in codes if not any(known.startswith(code) for known in CODES)]


def _cut(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:_EXCERPT])


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)
