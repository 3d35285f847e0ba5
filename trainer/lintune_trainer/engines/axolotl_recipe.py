"""The recipe as Axolotl gets it: all that the user wrote, with the files of this run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from lintune_schemas import atomic, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_schemas.samples import SampleFormat
from lintune_trainer import snapshots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.runs import LockedDataset
    from lintune_trainer.job import Job

NAME = "axolotl.yaml"
OUTPUT = "axolotl"
"""Below the run directory: what Axolotl writes. Nothing there counts as whole."""

_TYPES: dict[SampleFormat, dict[str, Any]] = {
    SampleFormat.CHAT: {"type": "chat_template"},
    SampleFormat.SHAREGPT: {
        "type": "chat_template",
        "field_messages": "conversations",
        "message_property_mappings": {"role": "from", "content": "value"},
    },
    SampleFormat.ALPACA: {"type": "alpaca"},
    SampleFormat.PROMPT_COMPLETION: {"type": {"field_instruction": "prompt", "field_output": "completion"}},
    SampleFormat.TEXT: {"type": "completion", "field": "text"},
    SampleFormat.INPUT_OUTPUT: {"type": "input_output"},
}
"""What Axolotl calls the formats that Lintune knows a file by when an entry does not say."""


def write(job: Job) -> Path:
    """Write `axolotl.yaml` into the run directory. Raises LintuneError, OSError.

    Of a run that goes on, the one that is there stands, but for the checkpoint: the user's recipe may have changed
    since.
    """
    path = job.run.folder / NAME
    values = recipes.parse(path) if path.is_file() else _values(job)
    values.pop("resume_from_checkpoint", None)
    if job.checkpoint is not None:
        values["resume_from_checkpoint"] = str(job.checkpoint)
    atomic.write_text(path, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    return path


def runs_code(values: dict[str, Any]) -> bool:
    """Whether a recipe asks for code that is no part of what is installed."""
    entries = [*(values.get("datasets") or []), *(values.get("test_datasets") or [])]
    return any(entry.get("trust_remote_code") for entry in (values, *entries) if isinstance(entry, dict))


def _values(job: Job) -> dict[str, Any]:
    values = recipes.parse(job.recipe_path)
    _apply_assignments(values, job)
    values.pop("lintune", None)
    # Axolotl would set aside other samples than this run evaluates with, and read files that were edited since.
    values.pop("val_set_size", None)
    output = job.run.folder / OUTPUT
    values |= {"base_model": str(job.weights), "output_dir": str(output)}
    values.setdefault("dataset_prepared_path", str(output / "prepared"))
    values.setdefault("logging_steps", 1)
    if job.adapter is not None:
        values["lora_model_dir"] = str(job.adapter)
    values |= _data_sets(job, values)
    return values


def _apply_assignments(values: dict[str, Any], job: Job) -> None:
    """Put what the command line's `--set` made of a key in its place."""
    written = recipes.to_mapping(recipes.from_mapping(values, str(job.recipe_path)))
    values |= {key: value for key, value in recipes.to_mapping(job.recipe).items() if value != written[key]}


def _data_sets(job: Job, values: dict[str, Any]) -> dict[str, Any]:
    """`datasets` and `test_datasets` with files that hold this run's samples and no others."""
    lock = runs.read_dataset_lock(job.run.folder)
    if lock is None:
        raise LintuneError(f"{job.run.folder} cannot be resumed: its {runs.DATASET_LOCK} is broken. Train anew.")
    train, test = values.get("datasets") or [], values.get("test_datasets") or []
    if test:
        evaluation = _written(job, "eval", test, lock.test, job.evaluation)
    else:
        evaluation = _written(job, "eval", train, lock.train, job.evaluation)
    # The split of a file has this name unless one is given, and of `test_datasets` Axolotl wants it said.
    evaluation = [{"split": "train", **entry} for entry in evaluation]
    found = {"datasets": _written(job, "train", train, lock.train, job.train)}
    return found | ({"test_datasets": evaluation} if evaluation else {})


def _written(
    job: Job, purpose: str, entries: Sequence[dict[str, Any]], locked: Sequence[LockedDataset], samples: Sequence[Any]
) -> list[dict[str, Any]]:
    """The entries with paths of files that hold only those lines which are among `samples`."""
    folder = job.run.folder / OUTPUT / "data"
    folder.mkdir(parents=True, exist_ok=True)
    recipe_folder = job.recipe_path.parent
    found = []
    for number, (entry, one) in enumerate(zip(entries, locked, strict=True), start=1):
        wanted = {sample.line for sample in samples if sample.path == recipe_folder / entry["path"]}
        lines = snapshots.content(recipe_folder, one).splitlines()
        kept = [lines[line - 1] for line in sorted(wanted)]
        if kept:
            path = folder / f"{purpose}-{number}.jsonl"
            atomic.write_bytes(path, b"\n".join(kept) + b"\n")
            kind = {} if "type" in entry else _TYPES.get(SampleFormat(one.format), {})
            found.append({**kind, **entry, "path": str(path), "ds_type": "json"})
    return found
