"""What `lintune serve` and `lintune ask` make of the path that they are given."""

from pathlib import Path

import pytest

from lintune_schemas import runs
from lintune_schemas.errors import LintuneError
from lintune_server.cli.serve import models_in
from lintune_server.sidecar.protocol import Adapted

from .workspace import MODEL, RECIPE, add_run


def test_a_file_is_known_by_its_name(tmp_path: Path) -> None:
    for name, id_ in (("qwen 2.5-Q4.gguf", "qwen-2.5-Q4"), ("…Käse.gguf", "K-se"), ("模型.gguf", "model")):
        path = tmp_path / name
        path.touch()
        assert models_in(path) == {id_: path}


def test_a_run_gives_its_model_and_its_base(tmp_path: Path, demo_model: Path) -> None:
    recipe, other = tmp_path / "recipe.yaml", tmp_path / "other.recipe.yaml"
    add_run(recipe, "20260101-a", model=demo_model)
    good = add_run(recipe, "20260102-b", model=demo_model)
    stopped = add_run(recipe, "20260103-c", cancelled=True)
    other_good = add_run(other, "20260104-d", model=demo_model)

    both = {"tuned": good / MODEL, "run:20260102-b": good / MODEL, "base": demo_model}
    assert models_in(good) == models_in(recipe) == both
    of_other = {"tuned": other_good / MODEL, "run:20260104-d": other_good / MODEL, "base": demo_model}
    assert models_in(tmp_path) == models_in(other) == of_other
    with pytest.raises(LintuneError, match="The run 20260103-c has no model: its state is cancelled"):
        models_in(stopped)

    moved = tmp_path / "moved"
    good.rename(moved)
    assert models_in(moved) == {"tuned": moved / MODEL, "run:moved": moved / MODEL, "base": demo_model}


def add_adapters(run: Path, *steps: int) -> None:
    (run / "adapter.gguf").touch()
    (run / runs.CHECKPOINTS).mkdir()
    for step in steps:
        runs.checkpoint_adapter(run, step).touch()


def test_adapters_are_served_on_the_base_model(tmp_path: Path, demo_model: Path) -> None:
    run = add_run(tmp_path / "recipe.yaml", "20260101-a", model=demo_model)
    add_adapters(run, 9, 10)
    (run / "checkpoints" / ".partial-adapter-11.gguf").touch()
    tuned = Adapted("base", run / "adapter.gguf")
    found = models_in(run)
    assert found == {
        "tuned": tuned,
        "run:20260101-a": tuned,
        "base": demo_model,
        "checkpoint:10": Adapted("base", run / "checkpoints/adapter-10.gguf"),
        "checkpoint:9": Adapted("base", run / "checkpoints/adapter-9.gguf"),
    }
    assert next(iter(found)) == "tuned"

    (run / runs.RECIPE_LOCK).write_text(f"{RECIPE}chat_template: chatml\n")
    found = models_in(run)
    assert found["tuned"] == run / MODEL, "the base model's file has another chat template"
    assert found["checkpoint:10"] == Adapted("base", run / "checkpoints/adapter-10.gguf")


def test_a_run_that_did_not_finish_gives_its_checkpoints(tmp_path: Path, demo_model: Path) -> None:
    run = add_run(tmp_path / "recipe.yaml", "20260101-a", cancelled=True)
    add_adapters(run, 5, 10)
    assert list(models_in(run)) == ["checkpoint:10", "base", "checkpoint:5"]
    assert models_in(run)["base"] == demo_model


def test_what_leads_to_no_model(tmp_path: Path) -> None:
    with pytest.raises(
        LintuneError, match=r"There is no file or folder .*nowhere\. Give a run's directory or a \.gguf"
    ):
        models_in(tmp_path / "nowhere")
    recipe = tmp_path / "recipe.yaml"
    recipe.touch()
    for path in (tmp_path, recipe):
        with pytest.raises(LintuneError, match=r"has left a model yet\. Train its recipe first: lintune train"):
            models_in(path)
    unexported = add_run(recipe, "20260101-a")
    with pytest.raises(LintuneError, match="Export it first: lintune export"):
        models_in(unexported)
