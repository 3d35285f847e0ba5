"""Fixtures for tests of the trainer: small workspaces, a small random model, and one real run that tests share."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lintune_schemas import base_model, model_files
from lintune_schemas.base_model import DEMO_MODEL
from lintune_schemas.plan import plan
from lintune_schemas.recipe import from_mapping
from lintune_schemas.runs import DatasetLock
from lintune_trainer import data

from .trainer_process import LAMPS, only_run, train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.data import Sample
    from lintune_trainer.job import Job

    from .trainer_process import Ended


@pytest.fixture
def lamps(tmp_path: Path) -> Path:
    """A folder with a recipe for the demo model, 32 training and 8 evaluation samples."""
    return Path(shutil.copytree(LAMPS, tmp_path / "lamps"))


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    """A recipe of the values given, for the demo model and the lamps."""

    def make(**values: object) -> Recipe:
        given = {"base_model": DEMO_MODEL, "adapter": "lora", "datasets": [{"path": "train.jsonl"}], **values}
        return from_mapping(given, "recipe.yaml")

    return make


@pytest.fixture(scope="session")
def chat() -> ChatTokenizer:
    """The demo model's tokenizer and chat template."""
    return model_files.load_tokenizer(base_model.find(DEMO_MODEL, Path()))


@pytest.fixture(scope="session")
def samples(chat: ChatTokenizer) -> list[Sample]:
    """The training samples of the lamps, in tokens."""
    recipe = from_mapping({"base_model": DEMO_MODEL, "datasets": [{"path": "train.jsonl"}]}, "recipe.yaml")
    return data.tokenize(data.read(recipe, LAMPS), recipe, chat, pytest.fail)[0]


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama of two layers and random weights, and the demo model's tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from lintune_trainer import models

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=49152,
        tie_word_embeddings=True,
    )
    folder = tmp_path_factory.mktemp("models") / "small"
    LlamaForCausalLM(config).save_pretrained(folder)
    models.copy_tokenizer(model_files.tokenizer_folder(base_model.find(DEMO_MODEL, Path())), folder)
    return folder


@pytest.fixture
def job(tmp_path: Path, small_model: Path, recipe: Callable[..., Recipe]) -> Callable[..., Job]:
    """What an engine is given: to train the small model, in a run of its own, by a recipe of the values given."""
    import torch

    from lintune_trainer.device import Device
    from lintune_trainer.job import HeldModel, Job
    from lintune_trainer.run import create

    def made(
        train: Sequence[Sample], evaluation: Sequence[Sample] = (), weights: Path = small_model, **values: object
    ) -> Job:
        asked = recipe(**{"lora_target_linear": True, "learning_rate": 0.01, "micro_batch_size": 4, **values})
        cpu = Device("cpu", "CPU", torch.float32)
        return Job(
            run=create(asked, tmp_path, DatasetLock("0" * 16), lambda _: None),
            recipe=asked,
            recipe_path=tmp_path / "recipe.yaml",
            weights=weights,
            model=HeldModel(weights, asked, cpu),
            train=list(train),
            evaluation=list(evaluation),
            plan=plan(asked, len(train)),
            device=cpu,
            checkpoint=None,
            adapter=None,
        )

    return made


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Ended]]:
    """The lamps after a whole run on the demo model: its run directory, and what the trainer said."""
    folder = Path(shutil.copytree(LAMPS, tmp_path_factory.mktemp("trained") / "lamps"))
    ended = train(folder)
    assert ended.code == 0, ended
    yield only_run(folder), ended


@pytest.fixture
def finished_run(trained: tuple[Path, Ended], tmp_path: Path) -> Path:
    """A copy of that run directory, with its recipe's folder, for a test to damage."""
    original = trained[0]
    folder = Path(shutil.copytree(original.parents[2], tmp_path / "lamps"))
    return folder / original.relative_to(original.parents[2])
