"""`lintune serve [RUN|GGUF]`: the sidecar in the foreground, for curl and clients of OpenAI's API."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_schemas.runs import EVENTS, checkpoint_adapters, run_directories
from lintune_server.sidecar.protocol import TOKEN_VARIABLE, Adapted
from lintune_server.sidecar.supervisor import Sidecar
from lintune_server.training import records, run_models, runs
from lintune_server.training.runs import RunState

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from lintune_schemas.recipe import Recipe
    from lintune_server.sidecar.protocol import Source
    from lintune_server.training.runs import Run

BASE = "base"
"""The id of the model that a run was trained from."""

MODEL_HELP = (
    "a run's directory or name, a .gguf file, or a recipe or its folder, for the last of its runs that left a model"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Serve a model over HTTP, compatible with OpenAI's API, on this machine only. Ctrl-C ends it. "
        f"The token that requests must carry is taken from {TOKEN_VARIABLE}, or made up. "
        "Exit codes: 0 ended by Ctrl-C, 1 the model's process died, 2 it could not start."
    )
    parser.add_argument(
        "model",
        type=Path,
        nargs="?",
        default=Path(),
        metavar="RUN|GGUF",
        help=f"{MODEL_HELP} (default: this folder)",
    )
    parser.add_argument("--port", type=int, default=0, help="default: any that is free")
    parser.add_argument("--context", type=int, metavar="TOKENS", help="room for prompt and answer together")
    parser.add_argument("--threads", type=int, metavar="N", help="of the CPU")
    parser.add_argument("--memory-gb", type=float, metavar="GB", help="for all models (default: half of what is free)")


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when there is no such model, or it cannot be served."""
    try:
        sidecar = Sidecar(
            models_in(args.model),
            context=args.context,
            threads=args.threads,
            memory_gb=args.memory_gb,
            idle_seconds=0,
            port=args.port,
            token=os.environ.get(TOKEN_VARIABLE),
        )
        return asyncio.run(serve(sidecar))
    except KeyboardInterrupt:  # where signals have no handlers: on Windows
        return 0


def models_in(path: Path) -> dict[str, Source]:
    """What to serve, by id; the first is the default. Raises LintuneError when `path` leads to no model.

    A file gets its own name. A run gives `tuned`, which is also `run:` and its name, `base`, and `checkpoint:` with the
    step for each of its checkpoints. One that goes on or did not finish gives `base` and checkpoints, the newest first.
    """
    if not path.exists():
        if len(path.parts) > 1 or path.suffix == ".gguf":
            raise LintuneError(f"There is no file or folder {path}. Give a run's directory or a .gguf file.")
        path = records.find(str(path), None).folder
    if path.is_file() and not recipes.is_recipe_name(path):
        return {re.sub(r"[^A-Za-z0-9_.-]+", "-", path.stem).strip("-._") or "model": path}
    run = runs.read(path) if (path / EVENTS).is_file() else _last_with_model(path)
    if run is None:
        raise LintuneError(
            f"No run of {path.resolve()} has left a model yet. Train its recipe first: lintune train RECIPE"
        )
    models = dict(_models_of(run))
    if not any(id_ != BASE for id_ in models):
        if run.state is not RunState.FINISHED:
            raise LintuneError(f"The run {run.name} has no model: its state is {run.state}. Train once more.")
        raise LintuneError(f"The run {run.name} has no model to serve. Export it first: lintune export {path}")
    return models


def _models_of(run: Run) -> Iterator[tuple[str, Source]]:
    recipe = run.locked_recipe
    recipe_folder = next(iter(run.folder.resolve().parents[2:3]), run.folder)  # .lintune/runs/<run>
    base = run_models.base_of(recipe, recipe_folder) if recipe else None
    tuned = _tuned(run, recipe, base)
    if tuned:
        yield "tuned", tuned
        yield f"run:{run.name}", tuned
    checkpoints = checkpoint_adapters(run.folder) if base else {}
    if base and (tuned or checkpoints):
        later = [(f"checkpoint:{step}", Adapted(BASE, adapter)) for step, adapter in checkpoints.items()]
        yield from later[:1] if not tuned else ()  # the default
        yield BASE, base
        yield from later[1:] if not tuned else later


def _tuned(run: Run, recipe: Recipe | None, base: Path | None) -> Source | None:
    """A finished run's adapter on its base model, which is in memory anyway; where the base model's file has another
    chat template than was trained with, or there is none, the exported file."""
    if run.state is not RunState.FINISHED:
        return None
    adapter = run_models.adapter_of(run.folder)
    if recipe and base and adapter and (run_models.has_own_template(recipe) or run.model is None):
        return Adapted(BASE, adapter)
    return run.model


async def serve(sidecar: Sidecar) -> int:
    """Serve until Ctrl-C (exit code 0) or until the process dies (1)."""
    stopped = asyncio.Event()
    if sys.platform != "win32":
        for signal_ in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(signal_, stopped.set)
    async with sidecar:
        await sidecar.client()
        _introduce(sidecar)
        gone = asyncio.create_task(sidecar.wait())
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait({gone, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not stopped.is_set():
            print(f"The model's process died: {await gone}", file=sys.stderr)
            return 1
    print("\nStopped.")
    return 0


def _introduce(sidecar: Sidecar) -> None:
    for id_, source in sidecar.models.items():
        print(f"{id_}: {described(source)}")
    print(f"\nBase URL: {sidecar.url}\nToken:    {sidecar.token}\n\nTry it:\n")
    print(f"curl {sidecar.url}/chat/completions \\")
    print(f"  -H 'Authorization: Bearer {sidecar.token}' \\")
    print("  -H 'Content-Type: application/json' \\")
    print("""  -d '{"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 64}'""")
    print("\nCtrl-C ends it.", flush=True)


def described(source: Source) -> str:
    """Where a model is."""
    return f"{source.adapter} on {source.base}" if isinstance(source, Adapted) else str(source)


def _last_with_model(path: Path) -> Run | None:
    """Of a recipe, or of any recipe in a folder."""
    found = map(runs.read, run_directories(path)) if path.is_dir() else runs.of_recipe(path)
    return next((run for run in found if run.state is RunState.FINISHED and any(_models_of(run))), None)
