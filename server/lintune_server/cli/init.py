"""`lintune init [DIR]`: a recipe for a data set that has none, or a workspace to try everything in."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_schemas import base_model, model_facts, model_names, starter_models
from lintune_schemas import recipe as recipes
from lintune_schemas.base_model import ModelKind
from lintune_schemas.errors import LintuneError
from lintune_schemas.samples import SampleFormat
from lintune_server.cli import example, new_files
from lintune_server.cli.progress import Progress
from lintune_server.cli.questions import Questions
from lintune_server.cli.terminal import nearby, number
from lintune_server.hardware import audit, fitting
from lintune_server.hardware.words import size, time
from lintune_server.lint import context
from lintune_server.lint.findings import Severity
from lintune_server.new_recipe import data_file, finding, models, settings, text
from lintune_server.new_recipe.models import PHRASES, Task

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from lintune_server.hardware import Machine
    from lintune_server.new_recipe.data_file import DataFile, Lengths
    from lintune_server.new_recipe.settings import Draft, Wish

_LARGEST = 1 << 30
"""Bytes of a data set whose tokens are counted here, some seconds for 100 MB. Of a larger one they are estimated."""

_FORMATS = {
    SampleFormat.CHAT: "chat",
    SampleFormat.SHAREGPT: "chat as ShareGPT writes it",
    SampleFormat.ALPACA: "questions and answers",
    SampleFormat.PROMPT_COMPLETION: "questions and answers",
    SampleFormat.INPUT_OUTPUT: "segments of raw text",
    SampleFormat.TEXT: "raw text",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write a recipe.yaml for a data set: a model to begin with, and settings that fit the data and the machine. "
        "In a folder without data, an example to try everything with. Asks what it cannot know, where there is a "
        "terminal; overwrites nothing."
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="default: this folder")
    parser.add_argument(
        *("--from-data", "--data"), type=Path, metavar="FILE", help="the .jsonl file to train on (default: one in DIR)"
    )
    parser.add_argument("--eval-data", type=Path, metavar="FILE", help="to evaluate with (default: one beside it)")
    parser.add_argument(
        "--task",
        choices=[task.value for task in Task],
        help="what the model is to learn (default: what the samples look like)",
    )
    parser.add_argument("--model", metavar="NAME", help="a folder, a .gguf file or a hub id (default: one that suits)")
    parser.add_argument(
        "--memory", type=_gigabytes, metavar="GB", help="of the GPU to train on, 0 for none (default: this machine's)"
    )
    parser.add_argument(
        "--example", action="store_true", help="instead, the whole example: data to train on, and files to mend"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing: flags and defaults")


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when there is nothing to be written."""
    if args.example:
        example.copy(args.folder)
        recipe = args.folder / recipes.RECIPE_NAMES[0]
        print(f"Next: lintune check {nearby(args.folder)} · lintune train {nearby(recipe)}")
        return 0
    target = _target(args.folder)
    ask = Questions(interactive=not args.yes and sys.stdin.isatty() and sys.stderr.isatty())
    data, copied = _data(args, ask)
    machine = _machine(args)
    task = Task(args.task) if args.task else _task(data, ask)
    model = args.model or _model(task, machine, ask, prefer_demo=bool(copied))
    wish = _wish(args, data, copied, model, machine)
    draft = settings.draft(wish, _lengths(wish, target))
    written = text.written(draft, _about_model(wish), _about_data(data))
    # The recipe last: where there is one, there is its data.
    files = [(target.parent / file.path, file.source.read_bytes()) for file in copied]
    new_files.write([*files, (target, written.encode())])
    ask.tell_what_was_taken()
    _tell(target, wish, draft)
    return 0


def _gigabytes(words: str) -> int:
    count = int(words)
    if not 0 <= count <= 10_000:
        raise ValueError
    return count


def _target(folder: Path) -> Path:
    """Where the recipe will be. Raises LintuneError when it cannot be."""
    if folder.exists() and not folder.is_dir():
        raise LintuneError(f"{folder} is no folder. Give the folder that the recipe is to be written into.")
    for name in recipes.RECIPE_NAMES:
        if (folder / name).exists() or (folder / name).is_symlink():
            raise LintuneError(f"{folder / name} is there already, and nothing is overwritten. Give another folder.")
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise LintuneError(f"{nearest} cannot be written into. Give another folder, or change its permissions.")
    return folder / recipes.RECIPE_NAMES[0]


@dataclass(frozen=True, slots=True)
class _Copied:
    """A file of the example, and where it will be."""

    source: Path
    path: str


def _data(args: argparse.Namespace, ask: Questions) -> tuple[DataFile, list[_Copied]]:
    if args.from_data is not None:
        return _examined(args.from_data), []
    found = finding.data_sets(args.folder)
    if not found:
        if args.eval_data is not None:
            raise LintuneError("--eval-data needs the data set to train on, too: give it with --from-data.")
        files = [_Copied(example.folder() / "data" / name, f"data/{name}") for name in ("train.jsonl", "eval.jsonl")]
        return data_file.examine(files[0].source), files
    names = [finding.as_written(path, args.folder) for path in found]
    chosen = ask.choose("Which data set is to be trained on?", "--from-data", [(name, "") for name in names])
    return _examined(found[chosen]), []


def _examined(path: Path) -> DataFile:
    with Progress() as progress:
        progress.start(str(path))
        return data_file.examine(path, progress.report)


def _machine(args: argparse.Namespace) -> Machine:
    here = audit(args.folder)
    if args.memory is None:
        return here
    return fitting.gpu(args.memory) if args.memory else replace(here, devices=())


def _task(data: DataFile, ask: Questions) -> Task:
    tasks = [models.task_of(data)]
    tasks += [task for task in Task if task not in tasks and (task is Task.TEXT) == (tasks[0] is Task.TEXT)]
    return tasks[ask.choose("What is the model to learn?", "--task", [(task, PHRASES[task]) for task in tasks])]


def _model(task: Task, machine: Machine, ask: Questions, *, prefer_demo: bool) -> str:
    found = models.suggestions(task, machine)
    options = [(models.name_of(starter), models.phrase(starter)) for starter in found]
    if prefer_demo:  # it is on this machine, so that everything can be tried at once
        options.sort(key=lambda one: one[0] != base_model.DEMO_MODEL)
    question = f"Which model is to be tuned, on {_words(machine)}? Others with --model, another GPU with --memory."
    return options[ask.choose(question, "--model", options)][0]


def _words(machine: Machine) -> str:
    name = machine.device.name if machine.device else "a machine without a GPU"
    memory = size(machine.room) if machine.room else ""
    return f"{name} ({memory})" if memory and memory not in name else name


def _wish(args: argparse.Namespace, data: DataFile, copied: Sequence[_Copied], model: str, machine: Machine) -> Wish:
    if copied:
        evaluation: tuple[DataFile, str] | None = (data_file.examine(copied[1].source), copied[1].path)
        path = copied[0].path
    else:
        path = finding.as_written(data.path, args.folder)
        other = data_file.examine(args.eval_data) if args.eval_data else finding.evaluation_of(data)
        evaluation = (other, finding.as_written(other.path, args.folder)) if other else None
    return settings.Wish(data, path, evaluation, model, _facts(model, args.folder), machine)


def _facts(model: str, folder: Path) -> model_facts.ModelFacts | None:
    """Raises LintuneError for a model that there is not."""
    starter = starter_models.by_name(model)
    is_hub_id = starter is not None and model == starter.id
    if not is_hub_id and base_model.find(model, folder).kind is ModelKind.HUB:
        meant = model_names.misspelt(model, folder)
        if meant is not None:
            raise LintuneError(f"There is no model {model} here, and it looks like {meant}. Give that with --model.")
    return model_facts.facts_of(model, folder)


def _lengths(wish: Wish, target: Path) -> Lengths:
    """In exact tokens where the model's tokenizer is on this machine."""
    if wish.data.path.stat().st_size > _LARGEST:
        return wish.data.lengths
    try:
        found = context.of_recipe(target, settings.sketch(wish))
    except LintuneError:
        return wish.data.lengths
    with Progress() as progress:
        progress.start(str(wish.data.path))
        return data_file.counted(wish.data.path, found, progress.report) or wish.data.lengths


def _about_model(wish: Wish) -> str:
    starter = starter_models.by_name(wish.model)
    if starter is not None:
        return models.phrase(starter)
    return f"{wish.facts.parameters / 1e9:.2g}B parameters" if wish.facts else ""


def _about_data(data: DataFile) -> str:
    return f"{number(data.samples, 'sample')}, {_FORMATS[data.format]}"


def _tell(target: Path, wish: Wish, draft: Draft) -> None:
    found = draft.estimate
    parts = [f"{wish.model} on {wish.data_path} ({_about_data(wish.data)})"]
    if found and found.steps:
        parts.append(number(found.steps, "step"))
    if found and found.seconds:
        parts.append(f"about {time(found.seconds.likely)}")
    if found and found.memory:
        parts.append(f"{size(found.memory.peak)} at the peak")
    print(f"{nearby(target)}: {', '.join(parts)}")
    if wish.data.faulty:
        print(f"{number(wish.data.faulty, 'sample')} of {wish.data_path} cannot be read: lintune check says why.")
    if count := _findings(target):
        print(f"{number(count, 'finding')} in it: lintune check {nearby(target)}")
    print(f"Next: lintune check {nearby(target.parent)} · lintune train {nearby(target)}")


def _findings(target: Path) -> int:
    """Of those that matter. There should be none, but for what no setting can help."""
    from lintune_server.lint.recipe import check_recipe

    found = check_recipe(target.read_text(encoding="utf-8"), target.resolve())
    return sum(one.severity >= Severity.WARNING for one in found)
