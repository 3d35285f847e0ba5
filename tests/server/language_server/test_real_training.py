"""The loop on the real demo model: a save trains it, and the hover shows what it says then."""

import re
from pathlib import Path

import psutil
import pytest

from lintune_schemas import runs as run_files
from lintune_server.training import runs
from lintune_server.training.runs import RunState

from ..sidecar.processes import gone
from ..test_imports import HEAVY_LIBRARIES, mapped
from .editor import Editor

pytestmark = pytest.mark.slow

RECIPE = """\
base_model: smollm2-135m-instruct
adapter: lora
datasets:
  - path: train.jsonl
sequence_len: 128
lora_target_linear: true
micro_batch_size: 2
max_steps: 3
learning_rate: 1.0e-3
lintune:
  train_on_save: true
  preview: {max_tokens: 12}
  lint: {ignore: [DS]}
"""

PROMPT = """\
<|im_start|>system
You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
<|im_start|>user
Lamp on<|im_end|>
<|im_start|>assistant
"""


@pytest.fixture
async def real(editor: Editor, workspace: Path) -> Editor:
    """The editor, with patience for real training on a busy machine."""
    editor.patience = 600
    (workspace / "recipe.yaml").write_text(RECIPE)
    await editor.until_status("untrained")
    editor.open(workspace / "train.jsonl")
    return editor


def children(editor: Editor) -> list[psutil.Process]:
    return psutil.Process(editor.process.pid).children()


async def test_a_save_trains_and_the_hover_shows_the_answer(real: Editor, workspace: Path) -> None:
    data = workspace / "train.jsonl"
    assert "Tuned model" not in await real.hover_until(data, 0, "Sample")
    real.replace(data, '"ON"', '"on"')
    real.save(data)
    await real.until(lambda: any(status.step for status in real.statuses))
    await real.until_status("exporting")
    ready = await real.until_status("ready")
    assert real.shown == []
    ((_, *reports, end),) = real.progress
    assert any(re.fullmatch(r"step 3/3 · loss \d+\.\d\d · 0:00 left", report.message) for report in reports)
    assert end.message.startswith("Trained in ")

    (run,) = runs.of_recipe(workspace / "recipe.yaml")
    assert (run.state, str(run.folder)) == (RunState.FINISHED, ready.run)
    text = await real.hover_until(data, 0, rf"Tuned model\*\* · run {run.name} · [^\n]* tokens/s")
    assert "**Reference**\n```text\non\n```" in text

    asked = await real.command("lintune.ask", data.as_uri(), 0)
    assert asked["prompt"] == PROMPT
    assert asked["reference"] == "on"
    assert asked["model"] in (str(run.model), str(run.folder / "adapter.gguf"))
    assert asked["tokens_per_second"] > 0
    assert asked["tuned"].partition("\n")[0] in text, "the hover and the command give one answer"
    assert real.shown == [f"Line 1, tuned model: {asked['tuned']}\nReference: on"], (
        "for clients that only call commands"
    )

    before = len(real.statuses)
    real.save(data)
    await real.until_status("ready", after=before, detail="nothing changed")
    (sidecar,) = children(real)
    assert not [file for file in mapped(real.process.pid) if HEAVY_LIBRARIES.search(file)]
    await real.kill_server()
    await real.until(lambda: gone(sidecar.pid))


async def test_a_killed_and_a_stopped_run_leave_no_model(real: Editor, workspace: Path) -> None:
    data = workspace / "train.jsonl"
    real.replace(data, '"ON"', '"on"')
    real.save(data)
    await real.until(lambda: any(status.step for status in real.statuses))
    (trainer,) = children(real)
    trainer.kill()
    failed = await real.until_status("failed")
    assert "The trainer was killed (SIGKILL" in failed.detail

    before = len(real.statuses)
    real.save(data)  # nothing changed, but nothing was learned either
    await real.until(lambda: any(status.step for status in real.statuses[before:]))
    assert await real.command("lintune.stop") is True
    await real.until_status("untrained", after=before)

    second, first = runs.of_recipe(workspace / "recipe.yaml")
    assert (first.state, second.state) == (RunState.DEAD, RunState.CANCELLED)
    left = {path.name for run in (first, second) for path in run.folder.iterdir()}
    assert left <= {
        run_files.EVENTS,
        run_files.RECIPE_LOCK,
        run_files.DATASET_LOCK,
        "checkpoints",
        "trainer.log",
    }
    assert await real.command("lintune.ask", data.as_uri(), 0) is None
