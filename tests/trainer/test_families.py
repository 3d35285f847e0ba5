"""Model families: small random weights under the real config classes, with the real tokenizers.

Each learns by QLoRA, from the labels that the hover shows.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lintune_schemas import base_model, events, model_files, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.chat import IGNORED_LABEL
from lintune_schemas.events import Evaluation, Progress
from lintune_schemas.plan import plan
from lintune_schemas.runs import DatasetLock
from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter
from lintune_trainer import data, export, models, training
from lintune_trainer.device import Device
from lintune_trainer.job import HeldModel, Job
from lintune_trainer.run import create

from .families import FAMILIES, write

pytestmark = pytest.mark.long

CPU = Device("cpu", "CPU", torch.float32)

NO_THOUGHTS = "<think>\n\n</think>\n\n"
"""Qwen 3's template writes so before a last answer that comes without thoughts; the model learns to write it, too."""

CHATS = [
    [("user", "Kitchen lamp on, please."), ("assistant", '{"lamp":"kitchen","set":"on"}')],
    [("user", "Hall?"), ("assistant", "Off."), ("user", "On, s'il te plaît! 💡"), ("assistant", "Voilà: on.\n\nBye.")],
    [("user", "  Desk to 35."), ("assistant", "35 %, done")],
    [("user", "灯"), ("assistant", "开"), ("user", "<b>&amp;</b>"), ("assistant", "\ttabs and  spaces")],
]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def workspace(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe, a data set and a model of the family."""
    folder = tmp_path_factory.mktemp(family)
    write(family, folder / "model")
    lines = ({"messages": [{"role": role, "content": text} for role, text in turns]} for turns in CHATS)
    (folder / "train.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    recipe = {
        "base_model": "./model",
        "adapter": "qlora",
        "load_in_4bit": True,
        "lora_target_linear": True,
        "datasets": [{"path": "train.jsonl"}],
        "test_datasets": [{"path": "train.jsonl"}],
        "learning_rate": 0.01,
        "micro_batch_size": 2,
        "num_epochs": 5,
        "eval_steps": 5,
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    return folder


@pytest.fixture(scope="module")
def job(workspace: Path) -> Job:
    """The training that the recipe asks for."""
    recipe = recipes.load(workspace / "recipe.yaml")
    chat = model_files.load_tokenizer(base_model.find(recipe.base_model, workspace))
    train, evaluation = data.tokenize(data.read(recipe, workspace), recipe, chat, pytest.fail)
    return Job(
        run=create(recipe, workspace, DatasetLock("0" * 16), lambda _: None),
        recipe=recipe,
        recipe_path=workspace / "recipe.yaml",
        weights=workspace / "model",
        model=HeldModel(workspace / "model", recipe, CPU),
        train=train,
        evaluation=evaluation,
        plan=plan(recipe, len(train)),
        device=CPU,
        checkpoint=None,
        adapter=None,
    )


def test_labels_are_what_the_hover_shows(family: str, workspace: Path, job: Job) -> None:
    path = workspace / "train.jsonl"
    text = path.read_text(encoding="utf-8")
    linter = DatasetLinter(path, context_for(path))
    linter.check(text)
    chat = model_files.load_tokenizer_folder(workspace / "model")
    end = FAMILIES[family].end
    for line, sample, turns in zip(text.splitlines(), job.train, CHATS, strict=True):
        inspection = linter.inspect(line)
        assert inspection is not None and inspection.tokenized is not None
        assert (list(sample.ids), list(sample.labels)) == (
            list(inspection.tokenized.ids),
            inspection.tokenized.labels,
        )
        learned = chat.tokenizer.decode(
            [label for label in sample.labels if label != IGNORED_LABEL], skip_special_tokens=False
        )
        answers = [answer for role, answer in turns if role == "assistant"]
        if family == "qwen3":  # writes earlier answers otherwise once more follows, which TK209 says: not learned
            answers = answers[-1:]
        written = [part.removeprefix(NO_THOUGHTS).strip() for part in learned.split(end)]
        assert written == [*(answer.strip() for answer in answers), ""]


def test_qlora_learns(family: str, job: Job) -> None:
    base = job.model.base()
    before = training.score(base, job.train, job.recipe, job.recipe_path.parent)
    training.fine_tune(job)
    folder = export.adapter_folder(job.run.folder)
    tuned = job.model.tuned(folder)
    reported = list(events.read(job.run.folder / runs.EVENTS))
    losses = [event.loss for event in reported if isinstance(event, Progress)]
    assert len(losses) == 10
    assert max(losses[-2:]) < min(losses[:2]) - 0.2
    after = training.score(tuned, job.train, job.recipe, job.recipe_path.parent)
    assert after.loss < before.loss - 0.2
    assert [event.step for event in reported if isinstance(event, Evaluation)] == [5]
    adapted = [name for name, weights in tuned.named_parameters() if weights.requires_grad and "lora_A" in name]
    assert len(adapted) == 2 * FAMILIES[family].matrices


def test_what_is_merged_is_what_was_trained(workspace: Path, job: Job, tmp_path: Path) -> None:
    """The base model's own weights with the adapter, as far as those are from its weights in 4 bits."""
    chat = model_files.load_tokenizer_folder(workspace / "model")
    adapter = export.adapter_folder(job.run.folder)
    export.merge(workspace / "model", adapter, workspace / "model", chat, tmp_path / "merged")

    def score(model: Any) -> float:
        return training.score(model, job.train, job.recipe, workspace).loss

    merged = score(models.load(tmp_path / "merged", torch.float32))
    assert merged == pytest.approx(score(job.model.tuned(adapter)), abs=0.1)
    assert merged < score(models.load(workspace / "model", torch.float32)) - 0.2
