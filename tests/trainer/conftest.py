"""Fixtures for tests of the trainer: small workspaces, a small random model, and one real run that tests share."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lintune_schemas import base_model, model_files
from lintune_schemas.base_model import DEMO_MODEL
from lintune_schemas.chat import ChatTokenizer
from lintune_schemas.recipe import Recipe, from_mapping
from lintune_trainer import data
from lintune_trainer.data import Sample

from .trainer_process import LAMPS, Ended, only_run, train


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
