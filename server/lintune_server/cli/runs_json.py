"""`lintune runs … --json`: one object, by `runs-report.schema.json` of lintune_schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from lintune_schemas.loss_curve import thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.events import ArtefactWritten, CheckpointSaved, Event
    from lintune_schemas.loss_curve import LossCurve, Point
    from lintune_schemas.runs import LockedDataset
    from lintune_server.training.records import Record
    from lintune_server.training.run_diff import DataChange, RunDiff

_POINTS = 2_000
"""Of a curve, the most that are written: more than a screen has columns. All of them are in events.jsonl."""

_EVALUATION = (
    *("time", "kind", "step", "eval_loss", "perplexity", "token_accuracy", "exact_match", "train_loss"),
    *("reward_accuracy", "reward_margin"),
)
_WARNING = ("time", "message", "topic", "epoch", "samples")
_CHECKPOINT = ("time", "step", "path", "best")
_ARTEFACT = ("time", "kind", "path", "bytes", "quantization")
_VERIFIED = ("time", "ok", "checks")


def of_all(records: Sequence[Record]) -> dict[str, Any]:
    return {"version": 1, "report": "runs", "runs": [_run(record) for record in records]}


def of_run(record: Record) -> dict[str, Any]:
    found = record.history
    return {
        "version": 1,
        "report": "run",
        "run": _run(record),
        "evaluations": [_only(made, _EVALUATION) for made in found.evaluations],
        "warnings": [_only(made, _WARNING) for made in found.warnings],
        "checkpoints": [{**_only(made, _CHECKPOINT), "there": _is_there(record, made)} for made in found.checkpoints],
        "artefacts": [{**_only(made, _ARTEFACT), "there": _is_there(record, made)} for made in found.artefacts],
        "verified": _only(found.verified, _VERIFIED) if found.verified else None,
        "curve": _curve(record.curve),
    }


def of_two(found: RunDiff) -> dict[str, Any]:
    return {
        "version": 1,
        "report": "comparison",
        "a": _run(found.a),
        "b": _run(found.b),
        "recipe": None if found.recipe is None else [change._asdict() for change in found.recipe],
        "data": None if found.data is None else [_data(change) for change in found.data],
        "curves": {"a": _curve(found.a.curve), "b": _curve(found.b.curve)},
    }


def _run(record: Record) -> dict[str, Any]:
    found, started = record.history, record.history.started
    final = found.final
    return {
        "name": record.name,
        "folder": str(record.folder),
        "state": record.state.value,
        "recipe": record.recipe,
        "began": record.began.isoformat() if record.began else None,
        "seconds": round(found.seconds, 3),
        "resumed": found.resumed,
        "base_model": started.base_model if started else None,
        "samples": started.samples if started else None,
        "eval_samples": started.eval_samples if started else None,
        "trained_tokens": started.trained_tokens if started else None,
        "device": started.device if started else None,
        "backend": started.backend if started else None,
        "warm_start": msgspec.to_builtins(started.warm_start) if started else None,
        "step": found.step,
        "total_steps": started.total_steps if started else None,
        "eval_loss": {
            "base": found.baseline.eval_loss if found.baseline else None,
            "best": found.best.eval_loss if found.best else None,
            "final": final.eval_loss if final else None,
        },
        "token_accuracy": final.token_accuracy if final else None,
        "exact_match": final.exact_match if final else None,
        "tokens_per_second": found.progress[-1].tokens_per_second if found.progress else None,
        "memory_bytes": found.memory_bytes,
        "model": str(record.model) if record.model else None,
        "bytes": record.size,
        "problem": record.problem,
        "damage": record.damage,
    }


def _only(event: Event, keys: Sequence[str]) -> dict[str, Any]:
    """What of an event is in the report, whatever events may hold one day."""
    fields = msgspec.to_builtins(event)
    return {key: fields[key] for key in keys}


def _is_there(record: Record, written: CheckpointSaved | ArtefactWritten) -> bool:
    return (record.folder / written.path).exists()


def _curve(curve: LossCurve) -> dict[str, Any]:
    return {"base": curve.base, "train": _points(curve.train), "evaluation": _points(curve.evaluation)}


def _points(points: Sequence[Point]) -> list[list[float]]:
    return [list(point) for point in thinned(points, _POINTS)]


def _data(change: DataChange) -> dict[str, Any]:
    return {
        "use": change.use,
        "a": _dataset(change.a),
        "b": _dataset(change.b),
        "same": change.same,
        "samples": change.samples._asdict() if change.samples else None,
        "problem": change.problem,
    }


def _dataset(locked: LockedDataset | None) -> dict[str, Any] | None:
    return msgspec.to_builtins(locked) if locked else None
