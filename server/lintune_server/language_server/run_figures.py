"""Runs in plain values, as `lintune/runs` hands them out, and each in one line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.evaluation_report import PAGE
from lintune_schemas.recipe import real_path
from lintune_server.language_server import convert
from lintune_server.training import narration
from lintune_server.training.runs import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.events import RunStarted
    from lintune_server.training.run_list import Checkpoint, Export, Listed

CARD = "README.md"
"""The model card that the trainer writes."""


def of_folder(folder: Path, recipes: Sequence[Path], listed: Sequence[Listed], busy: dict[Path, str]) -> list[Any]:
    """A value for each recipe of a folder, with its runs; those of recipes that are gone have one, too.

    recipes: those that are known. listed: all runs beside them, newest first. busy: what is done with runs of ours.
    """
    runs: dict[Path, list[Listed]] = {real_path(recipe): [] for recipe in recipes}
    first = next(iter(runs))
    for each in listed:
        named = each.record.recipe
        runs.setdefault(real_path(folder / named) if named else first, []).append(each)
    return [
        {
            "uri": convert.uri_of(recipe),
            "name": recipe.name,
            "folder": str(folder),
            "exists": recipe.is_file(),
            "runs": [_run(each, busy, newest=number == 0) for number, each in enumerate(found)],
        }
        for recipe, found in runs.items()
    ]


def line(listed: Listed, doing: str | None = None) -> str:
    """`3.000 → 0.700 · 0:42 · q4_k_m`, `step 12/58 · loss 0.83 · 0:41 left`, `paused at step 12/58`."""
    record, found = listed.record, listed.record.history
    if doing:
        return doing
    match record.state:
        case RunState.RUNNING:
            if found.progress and found.progress[-1] is found.last:
                return narration.step(found.progress[-1])
            return f"{narration.STAGES[listed.stage]} …" if listed.stage else "starting …"
        case RunState.FINISHED:
            losses = _losses(listed)
            took = narration.duration(found.seconds)
            return " · ".join(part for part in (losses, took, _quantizations(listed.exports)) if part)
        case RunState.FAILED:
            return f"failed {place(listed)}"
        case RunState.CANCELLED:
            return f"stopped {place(listed)}"
        case RunState.PAUSED:
            return f"paused {place(listed)}"
        case RunState.DEAD:
            return f"killed {place(listed)}"


def place(listed: Listed) -> str:
    """How far it came, as in “stopped …”, in few letters: a side bar is narrow."""
    found = listed.record.history
    if not found.step:
        return "before its first step"
    return f"at step {found.step}/{found.progress[-1].total_steps}"


def _losses(listed: Listed) -> str:
    found = listed.record.history
    tuned = found.final or found.best
    if tuned is None:
        return f"loss {found.progress[-1].loss:.3f}" if found.progress else ""
    if found.baseline is None:
        return f"eval loss {tuned.eval_loss:.3f}"
    return f"{found.baseline.eval_loss:.3f} → {tuned.eval_loss:.3f}"


def _quantizations(exports: Sequence[Export]) -> str:
    """Without f16, which every export leaves, unless there is nothing else."""
    whole = [one.quantization for one in exports if one.proven is not False]
    return ", ".join([name for name in whole if name != "f16"] or whole)


def _run(listed: Listed, busy: dict[Path, str], *, newest: bool) -> dict[str, Any]:
    record, found = listed.record, listed.record.history
    folder, started = record.folder, found.started
    last = found.progress[-1] if found.progress else None
    page, card = folder / PAGE, folder / CARD
    doing = busy.get(folder)
    return {
        "path": str(folder),
        "name": record.name,
        "state": record.state.value,
        "doing": doing,
        "line": line(listed, doing),
        "began": record.began.isoformat() if record.began else None,
        "seconds": round(found.seconds, 1),
        "step": found.step,
        "totalSteps": last.total_steps if last else started.total_steps if started else None,
        "loss": last.loss if last else None,
        "stage": listed.stage.value if listed.stage else None,
        "evalLoss": {
            "base": found.baseline.eval_loss if found.baseline else None,
            "best": found.best.eval_loss if found.best else None,
            "final": found.final.eval_loss if found.final else None,
        },
        "exactMatch": found.final.exact_match if found.final else None,
        **_began(started),
        "bytes": listed.bytes,
        "problem": record.problem,
        "damage": record.damage,
        "checkpoints": [_checkpoint(one) for one in listed.checkpoints],
        "exports": [_export(one) for one in listed.exports],
        "evaluation": _evaluation(listed, page),
        "card": str(card) if card.is_file() else None,
        "canResume": listed.can_resume and newest,
        "canExport": listed.can_export and not doing,
        "canVerify": listed.can_verify and not doing,
        "canDelete": record.state is not RunState.RUNNING and not doing,
    }


def _began(started: RunStarted | None) -> dict[str, Any]:
    if started is None:
        return {"baseModel": None, "samples": None, "device": None}
    return {"baseModel": started.base_model, "samples": started.samples, "device": started.device}


def _checkpoint(one: Checkpoint) -> dict[str, Any]:
    return {"path": str(one.path), "step": one.step, "evalLoss": one.eval_loss, "best": one.best}


def _export(one: Export) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "name": one.path.name,
        "quantization": one.quantization,
        "bytes": one.bytes,
        "proven": one.proven,
    }


def _evaluation(listed: Listed, page: Path) -> dict[str, Any] | None:
    report = listed.evaluation
    if report is None:
        return None
    return {
        "page": str(page) if page.is_file() else None,
        "samples": len(report.each),
        "marks": {mark.value: count for mark, count in report.marks.items()},
    }
