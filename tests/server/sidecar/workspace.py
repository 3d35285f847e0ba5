"""A recipe's folder with runs in it, as a trainer leaves them."""

from pathlib import Path

from lintune_schemas import events, runs
from lintune_schemas.events import Event, RunCancelled, RunFinished, RunStarted

RECIPE = "base_model: smollm2-135m-instruct\ndatasets:\n  - path: train.jsonl\n"
MODEL = "model-q4_k_m.gguf"


def add_run(recipe: Path, name: str, *, model: Path | None = None, cancelled: bool = False) -> Path:
    """The folder of a run of `recipe`. model: the GGUF file that it left, if it left one."""
    folder = runs.runs_folder(recipe.parent) / name
    folder.mkdir(parents=True)
    recipe.write_text(RECIPE)
    (folder / runs.RECIPE_LOCK).write_text(RECIPE)
    if model:
        (folder / MODEL).symlink_to(model)
    started = RunStarted(
        run=name,
        recipe=str(recipe),
        run_dir=str(folder),
        pid=1,
        base_model="smollm2-135m-instruct",
        samples=1,
        eval_samples=0,
        trained_tokens=1,
        total_steps=1,
        device="cpu",
    )
    last: Event = RunFinished(
        run=name,
        seconds=1,
        eval_loss_before=None,
        eval_loss_after=None,
        model=MODEL if model else None,
    )
    if cancelled:
        last = RunCancelled(run=name, step=1)
    lines = [events.encode(event) + b"\n" for event in (started, last)]
    (folder / runs.EVENTS).write_bytes(b"".join(lines))
    return folder
