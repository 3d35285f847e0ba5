"""Checkpoints: whole or absent, known to be whole, and not more of them than the disk may hold.

Their folders are transformers' own, with one file more: what each of the others must be.
"""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import atomic, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAME = "checkpoint-"
_SEAL = "checkpoint.json"


class _File(msgspec.Struct, frozen=True):
    bytes: int
    sha256: str


class _Seal(msgspec.Struct, frozen=True):
    """`checkpoint.json`."""

    files: dict[str, _File]
    eval_loss: float | None = None
    """Of these weights, in nats a token; None where they were not evaluated."""


def folder_of(run: Path) -> Path:
    """Where the checkpoints of a run are."""
    return run / runs.CHECKPOINTS


def of_step(checkpoints: str | Path, step: int) -> Path:
    """Where the checkpoint of a step is, by transformers' naming."""
    return Path(checkpoints) / f"{_NAME}{step}"


def step_of(checkpoint: Path | None) -> int:
    """The optimizer steps that were made when it was written; 0 without one."""
    return int(checkpoint.name.removeprefix(_NAME)) if checkpoint else 0


def found(checkpoints: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(checkpoints.glob(f"{_NAME}*"), key=step_of)


def seal(checkpoint: Path, eval_loss: float | None) -> None:
    """Write down what its files are. Raises OSError."""
    files = _described_all(file for file in sorted(checkpoint.iterdir()) if file.is_file())
    atomic.write_bytes(checkpoint / _SEAL, msgspec.json.encode(_Seal(files, eval_loss)))


def whole(checkpoint: Path) -> bool:
    """Whether all files are what they were when it was written."""
    written = _read(checkpoint)
    try:
        return written is not None and _described_all(checkpoint / name for name in written.files) == written.files
    except OSError:
        return False


def newest(checkpoints: Path) -> Path | None:
    """The newest checkpoint that is whole: those that a disk or a person damaged are passed over."""
    return next((checkpoint for checkpoint in reversed(found(checkpoints)) if whole(checkpoint)), None)


def best(checkpoints: Path) -> Path | None:
    """The one with the lowest evaluation loss, of equal ones the first; None when none was evaluated."""
    losses = ((_eval_loss(checkpoint), checkpoint) for checkpoint in found(checkpoints))
    evaluated = [(loss, checkpoint) for loss, checkpoint in losses if loss is not None]
    return min(evaluated, key=lambda one: one[0])[1] if evaluated else None


def prune(run: Path, kept: int, budget: float) -> None:
    """Keep the newest checkpoints of a run, and its best one; then of all runs beside it what a budget allows.

    kept: how many of the newest. budget: bytes for all of them; the oldest go first, the newest of this run never.
    """
    own = found(folder_of(run))
    for checkpoint in set(own[:-kept]) - {best(folder_of(run))}:
        remove(checkpoint)
    for step, adapter in runs.checkpoint_adapters(run).items():
        if not of_step(folder_of(run), step).is_dir():  # of one that a kill kept from being written
            adapter.unlink(missing_ok=True)
    everything = list(_of_all_runs(run.parent))
    total = sum(size for _, size in everything)
    for checkpoint, size in everything:
        if total <= budget:
            break
        if checkpoint != own[-1]:
            remove(checkpoint)
            total -= size


def _of_all_runs(runs_folder: Path) -> Iterator[tuple[Path, int]]:
    """The checkpoints of all runs with their sizes in bytes, oldest first."""
    for run in sorted(path for path in runs_folder.iterdir() if (path / runs.EVENTS).is_file()):
        for checkpoint in found(folder_of(run)):
            files = [*checkpoint.rglob("*"), _adapter_of(checkpoint)]
            yield checkpoint, sum(file.stat().st_size for file in files if file.is_file())


def remove(checkpoint: Path) -> None:
    """Delete one, and its adapter for llama.cpp. It loses its name first: half deleted is not whole."""
    _adapter_of(checkpoint).unlink(missing_ok=True)
    shutil.rmtree(checkpoint.rename(checkpoint.with_name(f"{atomic.PARTIAL_PREFIX}{checkpoint.name}")))


def _adapter_of(checkpoint: Path) -> Path:
    return runs.checkpoint_adapter(checkpoint.parents[1], step_of(checkpoint))


def _eval_loss(checkpoint: Path) -> float | None:
    written = _read(checkpoint)
    return written.eval_loss if written else None


def _read(checkpoint: Path) -> _Seal | None:
    try:
        return msgspec.json.decode((checkpoint / _SEAL).read_bytes(), type=_Seal)
    except (OSError, msgspec.DecodeError):
        return None


def _described_all(files: Iterable[Path]) -> dict[str, _File]:
    """By their names. Several at once: what hashes lets go of Python's lock. Raises OSError."""
    files = list(files)
    with ThreadPoolExecutor() as pool:
        return dict(zip((file.name for file in files), pool.map(_described, files), strict=True))


def _described(file: Path) -> _File:
    with file.open("rb") as opened:
        return _File(file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest())
