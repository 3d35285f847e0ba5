"""The trainer's command line: `python -m lintune_trainer train|export|verify|plot`.

Standard output carries events, one JSON object a line; standard error, sentences.
Standard input takes the command `pause`.
Exit codes: 0 done or paused, 1 the run or the proof failed, 2 it could not start, 130 stopped.
"""

from __future__ import annotations

import argparse
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_trainer import failures, process
from lintune_trainer.process import Cancelled, Paused, Streams
from lintune_trainer.run import RunFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parsed = _parser().parse_args(arguments)
    streams = Streams()
    process.stop_on_signals()
    try:
        return _run(parsed, streams)
    except Paused:  # the event run_paused has said it
        return 0
    except RunFailedError:  # the event run_failed has said it
        return 1
    except Cancelled:
        return 130
    except (LintuneError, OSError) as error:
        streams.say(failures.explain(error, streams.log))
        return 2
    except Exception as error:
        traceback.print_exc()
        streams.say(failures.explain(error, streams.log))
        return 2


def _run(parsed: argparse.Namespace, streams: Streams) -> int:
    match parsed.command:
        case "train":
            from lintune_trainer.train import train

            process.listen()
            train(parsed.recipe, parsed.assignments, parsed.resume, streams)
        case "export":
            from lintune_trainer.finished import export_run

            return 0 if export_run(parsed.run, parsed.gguf, streams) else 1
        case "verify":
            from lintune_trainer.finished import verify_run

            return 0 if verify_run(parsed.run, streams) else 1
        case "plot":
            from lintune_trainer.plot import draw

            if not draw(parsed.run, [parsed.picture]):
                raise LintuneError(f"{parsed.run} has no losses to draw.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lintune_trainer", description="Train, export and verify models.")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="carry out a recipe")
    train.add_argument("recipe", type=Path, metavar="RECIPE")
    train.add_argument("--set", action="append", default=[], dest="assignments", metavar="KEY=VALUE")
    train.add_argument("--resume", metavar="RUN", help="go on with a run that did not end: its name, or latest")
    export = commands.add_parser("export", help="write the GGUF files of a run")
    export.add_argument("run", type=Path, metavar="RUN_DIR")
    export.add_argument(
        "--gguf",
        type=lambda text: text.lower().split(","),
        help="quantizations, as q4_k_m,f16; default: the recipe's",
    )
    verify = commands.add_parser("verify", help="compare a run's GGUF files with what was trained")
    verify.add_argument("run", type=Path, metavar="RUN_DIR")
    plot = commands.add_parser("plot", help="draw the loss of a run over its steps")
    plot.add_argument("run", type=Path, metavar="RUN_DIR")
    plot.add_argument("picture", type=Path, metavar="FILE", help="as loss.svg or loss.png")
    return parser
