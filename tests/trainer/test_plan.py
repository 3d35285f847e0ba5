"""From a recipe's keys to steps."""

from collections.abc import Callable

import pytest

from lintune_schemas.errors import LintuneError
from lintune_schemas.plan import plan, rows
from lintune_schemas.recipe import Recipe, from_mapping
from lintune_trainer.support import optimizer, remarks, require_supported

MakeRecipe = Callable[..., Recipe]


@pytest.mark.parametrize(
    ("values", "samples", "per_epoch", "total"),
    [
        ({"micro_batch_size": 8}, 229, 29, 29),  # the last batch is smaller
        ({"micro_batch_size": 8, "num_epochs": 2}, 229, 29, 58),
        ({"micro_batch_size": 8, "gradient_accumulation_steps": 4}, 229, 8, 8),
        ({"micro_batch_size": 8, "num_epochs": 0.5}, 80, 10, 5),
        ({"micro_batch_size": 8, "num_epochs": 3, "max_steps": 7}, 80, 10, 7),
        ({"micro_batch_size": 64}, 3, 1, 1),
        ({"micro_batch_size": 8, "lintune": {"processes": 2}}, 229, 15, 15),
        ({"micro_batch_size": 8, "gradient_accumulation_steps": 4, "lintune": {"processes": 2}}, 229, 4, 4),
    ],
)
def test_steps(recipe: MakeRecipe, values: dict[str, object], samples: int, per_epoch: int, total: int) -> None:
    planned = plan(recipe(**values), samples)
    assert (planned.steps_per_epoch, planned.total_steps) == (per_epoch, total)


@pytest.mark.parametrize(
    ("values", "warmup"),
    [
        ({"warmup_steps": 0}, 0),
        ({"warmup_steps": 5, "warmup_ratio": 0.5}, 5),
        ({"warmup_ratio": 0.1}, 100),
        ({}, 30),
        ({"max_steps": 50_000}, 100),
    ],
)
def test_warm_up(recipe: MakeRecipe, values: dict[str, object], warmup: int) -> None:
    assert plan(recipe(**values), 1000).warmup_steps == warmup


@pytest.mark.parametrize(
    ("values", "evaluation", "save"),
    [
        ({}, None, None),  # at the end of each epoch
        ({"eval_steps": 20, "save_steps": 40}, 20, 40),
        ({"eval_steps": 0.1, "save_steps": 0.25}, 10, 25),  # of all steps
        ({"evals_per_epoch": 4, "saves_per_epoch": 3}, 25, 34),
        ({"evals_per_epoch": 500}, 1, None),
    ],
)
def test_when_to_evaluate_and_save(
    recipe: MakeRecipe, values: dict[str, object], evaluation: int | None, save: int | None
) -> None:
    planned = plan(recipe(**values), 100)
    assert (planned.eval_every, planned.save_every) == (evaluation, save)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"adapter": None}, "adapter: qlora"),
        ({"load_in_8bit": True}, "load_in_4bit: true"),
        ({"optimizer": "muon"}, "adamw_torch"),
        ({"lr_scheduler": "rex"}, "cosine"),
        ({"rl": "kto"}, "dpo, ipo, orpo"),
        ({"lintune": {"export": {"gguf": ["q4_k_x"]}}}, "q4_k_m"),
        ({"micro_batch_size": 0}, "micro_batch_size: 0"),
        ({"num_epochs": -1}, "num_epochs: -1"),
    ],
)
def test_what_is_not_built_in_is_refused_with_what_is(
    recipe: MakeRecipe, values: dict[str, object], named: str
) -> None:
    with pytest.raises(LintuneError, match=named):
        require_supported(recipe(**values))


def test_what_axolotl_knows_is_not_refused_when_it_trains(recipe: MakeRecipe) -> None:
    values = {"optimizer": "muon", "lr_scheduler": "rex", "load_in_8bit": True, "rl": "kto"}
    require_supported(recipe(**values, lintune={"backend": "axolotl"}))
    with pytest.raises(LintuneError, match="adapter: qlora"):
        require_supported(recipe(adapter=None, lintune={"backend": "axolotl"}))


def test_what_is_done_otherwise_is_said(recipe: MakeRecipe) -> None:
    asked = recipe(
        adapter="qlora",
        optimizer="adamw_bnb_8bit",
        fp16=True,
        output_dir="out",
        val_set_size=0.1,
        test_datasets=[{"path": "eval.jsonl"}],
    )
    said = list(remarks(asked, "cpu"))
    for key in ("load_in_4bit", "adamw_bnb_8bit", "fp16", "output_dir", "val_set_size"):
        assert any(key in remark for remark in said), key
    assert optimizer(asked, "cpu") == "adamw_torch_fused"
    assert optimizer(asked, "cuda") == "adamw_bnb_8bit"
    assert not list(remarks(recipe(adapter="qlora", load_in_4bit=True), "cpu"))


def test_stopping_early_without_evaluations_is_said(recipe: MakeRecipe) -> None:
    for key in ("early_stopping_patience", "load_best_model_at_end"):
        (said,) = remarks(recipe(**{key: True if key.startswith("load") else 2}), "cpu")
        assert said.startswith(f"{key} has no effect")
        assert not list(remarks(recipe(**{key: True if key.startswith("load") else 2}, val_set_size=0.1), "cpu"))


def test_packed_samples_make_fewer_steps() -> None:
    packed = from_mapping({"base_model": "any", "sample_packing": True, "sequence_len": 1000}, "recipe.yaml")
    assert rows(packed, 100, 20_000) == 20
    assert rows(packed, 100, None) == 100, "nothing is known of their lengths"
    assert rows(packed, 100, 1_000_000) == 100, "a sample is in one row"
    assert rows(from_mapping({"base_model": "any"}, "recipe.yaml"), 100, 20_000) == 100
