"""What a lens says of a training, on machines that are made up."""

from dataclasses import replace
from pathlib import Path

import pytest

from lintune_server.hardware import fitting
from lintune_server.language_server.recipes import estimating

RECIPE = """\
base_model: Qwen/Qwen2.5-7B-Instruct
adapter: lora
datasets:
  - path: train.jsonl
sequence_len: 4096
"""
SAMPLE = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_text(SAMPLE * 3)
    return tmp_path / "recipe.yaml"


def test_a_model_that_does_not_fit(path: Path) -> None:
    path.write_text(RECIPE)
    found = estimating.of_recipe(RECIPE, path, fitting.gpu(8))
    assert found.title.startswith("3 samples · 3 steps · does not fit: ")
    assert found.title.endswith(
        " of 8.0 GB memory · tokens are not counted: the tokenizer of Qwen/Qwen2.5-7B-Instruct is not on this machine"
    )
    assert "weights 14 GB" in found.page


def test_a_model_that_fits(path: Path) -> None:
    small = RECIPE.replace("Qwen/Qwen2.5-7B-Instruct", "smollm2-135m-instruct").replace("4096", "128")
    assert "tokens are counted once the recipe is saved" in estimating.of_recipe(small, path, fitting.gpu(8)).title
    path.write_text(small)
    found = estimating.of_recipe(small, path, fitting.gpu(8))
    assert " of 8.0 GB memory" in found.title
    assert "does not fit" not in found.title
    assert found.files["train.jsonl"].samples == 3
    assert found.files["train.jsonl"].tokens == 3 * (found.files["train.jsonl"].longest or 0)


def test_a_machine_of_which_the_memory_is_not_known(path: Path) -> None:
    machine = replace(fitting.gpu(8), memory=None, devices=())
    assert " of memory" in estimating.of_recipe(RECIPE, path, machine).title


def test_a_data_set_that_is_too_large_to_be_counted(path: Path) -> None:
    with (path.parent / "train.jsonl").open("wb") as file:
        file.truncate(40 << 20)
    found = estimating.of_recipe(RECIPE, path, fitting.gpu(24))
    assert "train.jsonl is too large to be counted while one edits" in found.title
    assert not found.files
