"""Proving a run's exported files, and what becomes of those that fail."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from lintune_schemas import atomic, base_model, events, runs, verification
from lintune_schemas.verification import REJECTED, ProvenFile, Verification
from lintune_trainer import export

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.base_model import BaseModel
    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.conversations import Conversation
    from lintune_trainer.run import Run


def verify(
    run: Run,
    base: BaseModel,
    weights: Path,
    chat: ChatTokenizer,
    evaluation: Sequence[Conversation],
    training: Sequence[Conversation],
    files: Sequence[Path],
) -> bool:
    """Compare GGUF files of a run with its merged model, and write verify.json; whether all of them passed.

    weights: the base model's folder. files: any of the run's; its f16 file and its adapter are compared in any case.
    Those that fail are renamed. Raises LintuneError, OSError.
    """
    from lintune_trainer import proof  # needs the serve extra

    begin = time.perf_counter()
    f16, adapter = export.gguf_file(run.folder, "f16"), run.folder / runs.ADAPTER_GGUF
    base_gguf = base_model.gguf_file(base)
    there = base_gguf is not None and base_gguf.is_file() and adapter.is_file()
    subject = proof.Subject(
        f16=f16,
        others=[file for file in files if file != f16],
        merged=export.merged_folder(run.folder),
        weights=weights,
        adapter=export.adapter_folder(run.folder),
        adapter_gguf=adapter if there else None,
        base_gguf=base_gguf if there else None,
    )
    found = proof.prove(subject, chat, evaluation, training)
    written = Verification(
        run=run.name,
        time=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=round(time.perf_counter() - begin, 3),
        ok=found.ok,
        files=[_filed(file, file not in found.failed) for file in subject.files],
        work=found.work,
        checks=found.checks,
    )
    text = msgspec.json.format(msgspec.json.encode(written), indent=2).decode()
    atomic.write_text(run.folder / verification.FILE, text + "\n")
    run.emit(events.Verified(run=run.name, ok=found.ok, checks=found.checks))
    if not found.ok:
        broken = "; ".join(f"{check.link}: {check.detail}" for check in found.checks if not check.ok)
        names = ", ".join(file.name for file in found.failed)
        run.warn(f"The export is not the model that was trained ({broken}). Renamed to *{REJECTED}: {names}.")
    elif found.work.answers and not found.work.ended:
        run.warn(
            f"None of {found.work.answers} answers that were tried ended by itself: the model may talk on and on. "
            "Train for more steps, or with a higher learning_rate."
        )
    return found.ok


def _filed(file: Path, ok: bool) -> ProvenFile:
    if not ok:
        file = file.rename(file.with_name(file.name + REJECTED))
    return ProvenFile(file.name, ok, file.stat().st_size)
