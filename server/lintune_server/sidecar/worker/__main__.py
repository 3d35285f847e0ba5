"""`python -m lintune_server.sidecar.worker --model tuned=FILE.gguf`: see `--help`."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.sidecar.protocol import EXIT_REFUSED, PROGRAM, TOKEN_VARIABLE, Adapted

if TYPE_CHECKING:
    from collections.abc import Callable

    from lintune_server.sidecar.protocol import Source

_DEFAULT_CONTEXT = 4096
_SMALLEST_CONTEXT = 64
_UNLOAD_SECONDS = 300.0
_ID = r"([A-Za-z0-9][\w.:-]*)"
_MODEL = re.compile(rf"{_ID}=(.+)", re.DOTALL)
_ADAPTER = re.compile(rf"{_ID}={_ID}=(.+)", re.DOTALL)


def main() -> int:
    """Exit code 0 when it was stopped or idle, 2 when it could not start."""
    args = _parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        _run(args)
    except ModuleNotFoundError as error:
        sys.stderr.write(f"The sidecar needs {error.name}. Install the serve extra: pip install 'lintune[serve]'\n")
        return EXIT_REFUSED
    except LintuneError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED
    return 0


def _run(args: argparse.Namespace) -> None:
    # Before llama_cpp is loaded. Its threads wait for each other after every operation; libgomp lets them spin
    # for 300,000 rounds, and on cores that a training wants as well that can take nearly all their time. Measured
    # with 135M parameters on 2 cores: as fast as that when idle, and 25 rather than 3 tokens/s at a load of 9.
    # Sleeping at once (OMP_WAIT_POLICY=passive) would cost three quarters of the speed of an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    from lintune_server.sidecar.worker import app, llama_log, process
    from lintune_server.sidecar.worker.gguf_files import identify
    from lintune_server.sidecar.worker.guard import Guard, IdleClock
    from lintune_server.sidecar.worker.model_thread import ModelThread
    from lintune_server.sidecar.worker.models import Models

    token = os.environ.pop(TOKEN_VARIABLE, "")
    if not token:
        raise LintuneError(f"Set the environment variable {TOKEN_VARIABLE} to a token that clients must send.")
    sources: dict[str, Source] = {}
    for id_, source in args.models:
        if id_ in sources:
            raise LintuneError(f"--model {id_}= is given twice. Give each model an id of its own.")
        if isinstance(source, Path):
            identify(source)
        sources[id_] = source
    listener = process.listen(args.port)
    stdout = process.keep_stdout()
    process.end_with_stdin()
    llama_log.capture(verbose=args.verbose)
    models = Models(
        sources,
        context=args.context,
        threads=args.threads,
        most_bytes=None if args.memory_gb is None else int(args.memory_gb * 10**9),
        unload_seconds=args.unload_seconds,
    )
    thread = ModelThread(models)
    clock = IdleClock()
    process.serve(Guard(app.build(models, thread), token, clock), listener, stdout, clock, args.idle_seconds)
    thread.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=(
            "Answer OpenAI-compatible requests with GGUF models, on the loopback interface. Prints one line "
            "of JSON (port, pid) when it is ready. Requests must carry the token in the environment variable "
            f"{TOKEN_VARIABLE}. Ends when its standard input does, if that is a pipe."
        ),
    )
    parser.add_argument(
        "--model",
        dest="models",
        action="append",
        required=True,
        type=_model,
        metavar="ID=FILE.gguf",
        help="a model and the id that requests name it by, as tuned=model-q4_k_m.gguf; may be repeated. "
        "The first one answers requests that name none. Each is loaded when it is first asked.",
    )
    parser.add_argument(
        "--adapter",
        dest="models",
        action="append",
        type=_adapter,
        metavar="ID=BASE=ADAPTER.gguf",
        help="a LoRA adapter on the model with the id BASE, as tuned=base=adapter.gguf; may be repeated",
    )
    parser.add_argument(
        "--context",
        type=_between(_SMALLEST_CONTEXT, 2**20),
        default=_DEFAULT_CONTEXT,
        metavar="TOKENS",
        help="room for prompt and answer together; at most what a model was trained for (%(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=_between(1, 1024),
        default=_threads(),
        metavar="N",
        help="of the CPU (default %(default)s)",
    )
    parser.add_argument(
        "--idle-seconds",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="end after this long without a request (default 0: never)",
    )
    parser.add_argument(
        "--unload-seconds",
        type=float,
        default=_UNLOAD_SECONDS,
        metavar="SECONDS",
        help="free a model that nobody has asked for this long (default %(default)s; 0: never)",
    )
    parser.add_argument(
        "--memory-gb",
        type=float,
        metavar="GB",
        help="memory for models: those of other base models that were asked longest ago are freed first "
        "(default: half of what is free)",
    )
    parser.add_argument("--port", type=_between(0, 65535), default=0, help="default 0: any")
    parser.add_argument("--verbose", action="store_true", help="llama.cpp's own log on standard error")
    return parser


def _model(argument: str) -> tuple[str, Path]:
    match = _MODEL.fullmatch(argument)
    if not match:
        raise argparse.ArgumentTypeError(f"{argument!r} is not ID=FILE.gguf, as tuned=model-q4_k_m.gguf")
    return match[1], Path(match[2])


def _adapter(argument: str) -> tuple[str, Adapted]:
    match = _ADAPTER.fullmatch(argument)
    if not match:
        raise argparse.ArgumentTypeError(f"{argument!r} is not ID=BASE=ADAPTER.gguf, as tuned=base=adapter.gguf")
    return match[1], Adapted(match[2], Path(match[3]))


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(argument: str) -> int:
        value = int(argument)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between {least} and {most}")
        return value

    return number


def _threads() -> int:
    """The cores that this process may use; on larger machines half of them, the rest being hyper-threads.

    Writing tokens is bound by memory: two threads of one core do not make it faster.
    """
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(allowed, max(4, allowed // 2))


if __name__ == "__main__":
    sys.exit(main())
