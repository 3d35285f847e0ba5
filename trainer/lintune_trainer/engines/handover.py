"""What the trainer's process hands to those that train for it: a folder that is deleted with them."""

from __future__ import annotations

import array
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch

from lintune_schemas import atomic
from lintune_schemas.conversations import Conversation
from lintune_schemas.plan import Plan  # noqa: TC001 (msgspec reads the annotations)
from lintune_schemas.recipe import Recipe  # noqa: TC001
from lintune_trainer.data import Sample
from lintune_trainer.device import Device
from lintune_trainer.job import HeldModel, Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lintune_trainer.run import Run

_JOB = "job.msgpack"
_PAUSE = "pause"


class _Sample(msgspec.Struct, array_like=True):
    path: str
    line: int
    ids: bytes
    labels: bytes


class _Packed(msgspec.Struct):
    """A job without its run and its model."""

    run_folder: str
    recipe: Recipe
    recipe_path: str
    weights: str
    train: list[_Sample]
    evaluation: list[_Sample]
    plan: Plan
    device: str
    device_name: str
    dtype: str
    checkpoint: str | None
    adapter: str | None


@contextmanager
def written(job: Job) -> Iterator[Path]:
    """A folder with the job, for as long as the block goes on."""
    folder = Path(tempfile.mkdtemp(prefix=f"{atomic.PARTIAL_PREFIX}job-", dir=job.run.folder))
    try:
        (folder / _JOB).write_bytes(msgspec.msgpack.encode(_pack(job)))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read(folder: Path, run: Callable[[Path], Run], local_rank: int) -> Job:
    """The job in a folder, for the process `local_rank` of this machine. run: makes what it reports to."""
    packed = msgspec.msgpack.decode((folder / _JOB).read_bytes(), type=_Packed)
    cpu = packed.device == "cpu"
    kind = packed.device if cpu else f"{packed.device}:{local_rank}"
    device = Device(kind, packed.device_name, getattr(torch, packed.dtype))
    weights = Path(packed.weights)
    return Job(
        run=run(Path(packed.run_folder)),
        recipe=packed.recipe,
        recipe_path=Path(packed.recipe_path),
        weights=weights,
        model=HeldModel(weights, packed.recipe, device),
        train=_unpack(packed.train),
        evaluation=_unpack(packed.evaluation),
        plan=packed.plan,
        device=device,
        checkpoint=Path(packed.checkpoint) if packed.checkpoint else None,
        adapter=Path(packed.adapter) if packed.adapter else None,
    )


def ask_to_pause(folder: Path) -> None:
    """Have those that train write a checkpoint and end."""
    (folder / _PAUSE).touch()


def asked_to_pause(folder: Path) -> bool:
    return (folder / _PAUSE).exists()


def _pack(job: Job) -> _Packed:
    return _Packed(
        run_folder=str(job.run.folder),
        recipe=job.recipe,
        recipe_path=str(job.recipe_path),
        weights=str(job.weights),
        train=_pack_samples(job.train),
        evaluation=_pack_samples(job.evaluation),
        plan=job.plan,
        device=job.device.kind,
        device_name=job.device.name,
        dtype=str(job.device.dtype).removeprefix("torch."),
        checkpoint=str(job.checkpoint) if job.checkpoint else None,
        adapter=str(job.adapter) if job.adapter else None,
    )


def _pack_samples(samples: Sequence[Sample]) -> list[_Sample]:
    return [
        _Sample(
            str(sample.path),
            sample.line,
            array.array("i", sample.ids).tobytes(),
            array.array("i", sample.labels).tobytes(),
        )
        for sample in samples
    ]


def _unpack(samples: list[_Sample]) -> list[Sample]:
    """Training looks at tokens alone: of the conversations nothing is handed over."""
    nothing = Conversation(())
    return [
        Sample(Path(sample.path), sample.line, nothing, _numbers(sample.ids), _numbers(sample.labels))
        for sample in samples
    ]


def _numbers(packed: bytes) -> tuple[int, ...]:
    return tuple(array.array("i", packed))
