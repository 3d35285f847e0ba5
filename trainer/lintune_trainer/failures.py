"""What to tell a person when a run ends with an exception."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_trainer.places import SamplesError
from lintune_trainer.process import TRAIN_EXTRA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_schemas.events import SamplePlace

DISK_FULL = (
    "The disk is full. Free some space, or lower save_total_limit; then go on from the last checkpoint with "
    "--resume latest."
)
_OUT_OF_MEMORY = (
    "{where} ran out of memory. Lower micro_batch_size and raise gradient_accumulation_steps by as much, or set "
    "gradient_checkpointing: true: with --set, --resume latest goes on from the last checkpoint with these. Or lower "
    "sequence_len, and train anew."
)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = (
    # safetensors and tokenizers report Rust's io::Error as text
    "no space left on device",
    "file too large",
    *(f"os error {code}" for code in _FULL),
    # torch.save: the zip writer says which bytes it could not write, not why
    "pytorchstreamwriter failed writing",
    "inline_container",
    # numpy.tofile, in the GGUF writer: "4096 requested and 1024 written"
    "requested and",
)


def explain(error: BaseException, log: Path | None) -> str:
    """One or two sentences: what went wrong and what to do. log: the file with the traceback, if any."""
    for cause in _chain(error):
        if isinstance(cause, LintuneError):
            return str(cause)
        if known := shortage(cause):
            return known
    if isinstance(error, ImportError):
        return f"{TRAIN_EXTRA} (importing them failed: {error})"
    if isinstance(error, OSError) and error.filename:
        why = error.strerror or error
        return f"{error.filename} could not be read or written: {why}. Check its permissions and try again."
    where = f" {log} says where." if log else ""
    return f"The trainer failed unexpectedly ({type(error).__name__}: {_first_line(error)}).{where}"


def shortage(error: BaseException) -> str | None:
    """What to do when there is too little disk or memory, as far as that is all that went wrong."""
    if _is_disk_full(error):
        return DISK_FULL
    if _is_gpu_out_of_memory(error):
        return _OUT_OF_MEMORY.format(where="The GPU")
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return _OUT_OF_MEMORY.format(where="The machine")
    return None


def places(error: BaseException) -> list[SamplePlace]:
    """The samples to look at, if it is about any."""
    return next((cause.places for cause in _chain(error) if isinstance(cause, SamplesError)), [])


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, then what led to it."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def _is_disk_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    text = str(error).lower()
    return any(words in text for words in _FULL_WORDS)


def _is_gpu_out_of_memory(error: BaseException) -> bool:
    # By name: torch need not have been imported when something fails.
    return type(error).__name__ == "OutOfMemoryError" or "CUDA out of memory" in str(error)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else "no message"
