"""Proving a run's exported files, and what becomes of those that fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lintune_schemas import atomic, events
from lintune_trainer import export

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.conversations import Conversation
    from lintune_schemas.events import Check
    from lintune_trainer.run import Run

VERIFY = "verify.json"
REJECTED = ".rejected"
"""Appended to the name of a file that failed, so that nothing serves it."""


def verify(run: Run, chat: ChatTokenizer, conversations: Sequence[Conversation], files: Sequence[Path]) -> bool:
    """Compare GGUF files of a run with its merged model, and write verify.json.

    files: any of the run's; its f16 file is compared in any case. When a check fails, all of them are
    renamed.
    """
    from lintune_trainer import proof  # needs the serve extra

    f16 = export.gguf_file(run.folder, "f16")
    others = [file for file in files if file != f16]
    found = proof.prove(f16, others, export.merged_folder(run.folder), chat, conversations)
    compared = [f16, *others]
    if not found.ok:
        compared = [file.rename(file.with_name(file.name + REJECTED)) for file in compared]
    _write(run.folder / VERIFY, found.ok, compared, found.checks)
    run.emit(events.Verified(run=run.name, ok=found.ok, checks=found.checks))
    if not found.ok:
        broken = "; ".join(check.detail for check in found.checks if not check.ok)
        run.warn(f"The exported model is not the one that was trained ({broken}). Its files are named *{REJECTED}.")
    elif found.answers and not found.ended:
        run.warn(
            f"None of {found.answers} answers that were tried ended by itself: the model may talk on and on. "
            "Train for more steps, or with a higher learning_rate."
        )
    return found.ok


def _write(path: Path, ok: bool, files: Sequence[Path], checks: Sequence[Check]) -> None:
    result = {
        "ok": ok,
        "files": [file.name for file in files],
        "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks],
    }
    atomic.write_text(path, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
