"""What a run says of itself: its model card and its loss as a picture. By one real run on a tiny model."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from huggingface_hub import ModelCard
from PIL import Image

from lintune_schemas import base_model, events, history, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.events import (
    Check,
    Event,
    Progress,
    RunStarted,
    Verified,
    Warned,
)
from lintune_schemas.history import History
from lintune_trainer import card, plot
from lintune_trainer.run import Run

from .trainer_process import LAMPS, only_run, run, train

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Path:
    """The run directory of the lamps on a tiny model, evaluated after each epoch."""
    folder = Path(shutil.copytree(LAMPS, tmp_path_factory.mktemp("tiny") / "lamps"))
    ended = train(folder, f"base_model={small_model}", "lintune.export.gguf=[]", "evals_per_epoch=1")
    assert ended.code == 0, ended
    return only_run(folder)


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """A copy of it, for a test to change."""
    return Path(shutil.copytree(tiny.parents[2], tmp_path / "lamps")) / tiny.relative_to(tiny.parents[2])


def history_of(folder: Path) -> History:
    return history.of(runs.read_events(folder))


def add(folder: Path, *later: Event, before_the_end: bool = True) -> None:
    """Write more events into a record, before its last one."""
    lines = (folder / runs.EVENTS).read_bytes().splitlines(keepends=True)
    last = [lines.pop()] if before_the_end else []
    new = [events.encode(event) + b"\n" for event in later]
    (folder / runs.EVENTS).write_bytes(b"".join([*lines, *new, *last]))


def written(folder: Path, weights: Path = Path("/nowhere"), **values: object) -> str:
    """The card, written again. values: of the recipe, in the place of those of the run."""
    recipe = recipes.parse(folder / runs.RECIPE_LOCK) | values
    card.write(folder, recipes.from_mapping(recipe, "recipe.yaml"), weights)
    return (folder / card.CARD).read_text(encoding="utf-8")


def test_the_hub_understands_the_card(tiny: Path) -> None:
    found = ModelCard.load(tiny / card.CARD)
    assert found.data.library_name == "peft"
    assert found.data.pipeline_tag == "text-generation"
    assert found.data.tags == ["qlora", "sft", "lintune"]
    assert found.data.base_model is None  # a folder on this machine
    (result,) = json.loads(json.dumps(found.data.to_dict()["model-index"]))[0]["results"]
    assert result["dataset"]["name"] == "eval.jsonl"
    final = history_of(tiny).final
    assert final is not None
    metrics = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert metrics["loss"] == final.eval_loss
    assert metrics["perplexity"] == final.perplexity
    assert {result.metric_type for result in found.data.eval_results} == set(metrics)


def test_the_card_says_what_the_run_measured(tiny: Path) -> None:
    text = (tiny / card.CARD).read_text(encoding="utf-8")
    found = history_of(tiny)
    for made in found.evaluations:
        assert f" {made.step:,} | {made.eval_loss:.4f} |" in text
    assert "32 training samples" in text
    for locked in runs.read_dataset_lock(tiny).train:  # type: ignore[union-attr]
        assert locked.content_hash[:16] in text
    assert "| Steps | 8 |" in text
    assert "![Training and evaluation loss over the steps](loss.svg)" in text
    assert 'AutoPeftModelForCausalLM.from_pretrained("adapter")' in text
    assert "llama" not in text  # nothing was exported
    assert "Warnings" not in text
    assert "\n\n\n" not in text


def test_the_code_of_the_card_runs(folder: Path) -> None:
    text = (folder / card.CARD).read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0] + "print(type(tuned).__name__)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert ended.stdout == "PeftModelForCausalLM\n", ended.stderr


def test_exports_are_named_when_they_are_there(folder: Path) -> None:
    (folder / "merged").mkdir()
    (folder / "merged" / "chat_template.jinja").write_text("{{ messages }}")
    (folder / "model-q4_k_m.gguf").write_bytes(b"GGUF")
    section = {"lintune": {"export": {"gguf": ["q8_0", "q4_k_m"]}}}
    text = written(folder, **section)
    assert "llama-cli -m model-q4_k_m.gguf" in text
    assert "ollama" not in text
    assert '[{"role": "user", "content": "…"}]' in text
    assert "proof" not in text
    (folder / "Modelfile").write_text("FROM ./model-q4_k_m.gguf")
    assert "ollama create tuned && ollama run tuned" in written(folder, **section)
    add(folder, Verified(run=folder.name, ok=True, checks=[Check("tokens", True, "all")]))
    assert "`verify.json` has the proof." in written(folder, **section)
    (folder / "merged" / "chat_template.jinja").unlink()
    assert 'print(tuned("…", return_full_text=False)' in written(folder, **section)


def test_warnings_and_what_a_run_went_on_from(folder: Path) -> None:
    lines = (folder / runs.EVENTS).read_bytes().splitlines(keepends=True)
    begun = next(number for number, line in enumerate(lines) if b'"run_started"' in line)
    event = json.loads(lines[begun]) | {"warm_start": {"run": "an-older-one", "new": 3, "replayed": 2}}
    lines[begun] = json.dumps(event).encode() + b"\n"
    (folder / runs.EVENTS).write_bytes(b"".join(lines))
    add(folder, Warned(run=folder.name, message="It over-fits\nfrom epoch 3 on."))
    text = written(folder)
    assert "## Warnings of the run\n\n- It over-fits from epoch 3 on.\n" in text
    assert "adapter of `an-older-one`: with 3 samples that were new to it, and 2 that it had seen." in text


def test_a_run_without_evaluations_claims_nothing(folder: Path) -> None:
    kept = [event for event in runs.read_events(folder) if not isinstance(event, events.Evaluation)]
    (folder / runs.EVENTS).write_bytes(b"".join(events.encode(event) + b"\n" for event in kept))
    text = written(folder)
    assert "## Evaluation" not in text
    assert ModelCard(text).data.eval_results is None


@pytest.mark.parametrize(
    ("name", "weights", "expected"),
    [
        ("smollm2-135m-instruct", Path("/cache/somewhere"), "HuggingFaceTB/SmolLM2-135M-Instruct"),
        (
            "google/gemma-3-270m-it",
            base_model.hub_cache() / "models--google--gemma-3-270m-it",
            "google/gemma-3-270m-it",
        ),
        ("models/mine", Path("/work/models/mine"), None),
        ("someone/theirs", base_model.hub_cache() / "models--someone--theirs", "someone/theirs"),
    ],
)
def test_base_models_of_the_hub_are_named_as_there(
    folder: Path, name: str, weights: Path, expected: str | None
) -> None:
    record = folder / runs.EVENTS
    event = next(event for event in runs.read_events(folder) if isinstance(event, RunStarted))
    record.write_bytes(record.read_bytes().replace(json.dumps(event.base_model).encode(), json.dumps(name).encode()))
    assert ModelCard(written(folder, weights)).data.base_model == expected


def test_preference_pairs_have_another_loss(folder: Path) -> None:
    text = written(folder, rl="dpo")
    assert "the loss is that of DPO." in text
    assert "| Method | DPO on preference pairs |" in text
    assert "nats" not in text


def test_the_pictures_of_a_run(tiny: Path) -> None:
    root = ElementTree.fromstring((tiny / "loss.svg").read_text(encoding="utf-8"))
    words = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"optimizer step", "loss", "evaluation", "training", "training, smoothed", "evaluation, base model"} <= words
    assert any(word and word.startswith("best: ") for word in words)
    with Image.open(tiny / "loss.png") as image:
        assert image.width == 1280
        assert image.convert("RGBA").getpixel((0, 0))[3] == 0  # the background is the page's


def test_the_same_run_gives_the_same_picture(folder: Path) -> None:
    before = (folder / "loss.svg").read_bytes()
    assert plot.draw(folder, [folder / "loss.svg"])
    assert (folder / "loss.svg").read_bytes() == before


def test_a_hundred_thousand_steps_make_no_large_picture(folder: Path, tmp_path: Path) -> None:
    steps = (
        Progress(
            run=folder.name,
            step=number,
            total_steps=100_000,
            epoch=1.0,
            loss=2.0 + number % 7 / 10,
            learning_rate=1e-4,
            tokens_per_second=1.0,
            eta_seconds=0.0,
        )
        for number in range(1, 100_001)
    )
    add(folder, *steps)
    assert plot.draw(folder, [tmp_path / "loss.svg"])
    assert (tmp_path / "loss.svg").stat().st_size < 200_000


def test_a_picture_that_fails_is_a_warning(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "loss.svg").unlink()
    (folder / "loss.svg").mkdir()
    told: list[bytes] = []
    plot.of_run(Run(folder, told.append, record=False))
    (warning,) = (events.decode(line) for line in told)
    assert isinstance(warning, Warned)
    assert f"lintune runs show {folder.name} --plot loss.svg" in warning.message
    assert "Traceback" in capfd.readouterr().err  # for the log


def test_a_run_without_losses_has_no_picture(folder: Path, tmp_path: Path) -> None:
    (folder / runs.EVENTS).write_bytes(b"")
    assert not plot.draw(folder, [tmp_path / "loss.svg"])
    assert not (tmp_path / "loss.svg").exists()
    ended = run("plot", folder, tmp_path / "loss.svg")
    assert (ended.code, ended.words.strip()) == (2, f"{folder} has no losses to draw.")


def test_a_run_begins_without_matplotlib() -> None:
    code = (
        "import sys, lintune_trainer.train, lintune_trainer.training, lintune_trainer.card, lintune_trainer.plot\n"
        "print('matplotlib' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"


def test_a_later_export_is_in_the_card(folder: Path) -> None:
    ended = run("export", folder, "--gguf", "f16")
    assert ended.code == 0, ended
    text = (folder / card.CARD).read_text(encoding="utf-8")
    assert "llama-cli -m model-f16.gguf" in text
    assert 'pipeline("text-generation", model="merged")' in text
