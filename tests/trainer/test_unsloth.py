"""Unsloth as an engine: without a GPU, a stand-in for its model, made of transformers and PEFT."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from lintune_schemas import events, runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import Progress
from lintune_trainer import engines, process

if TYPE_CHECKING:
    from collections.abc import Callable

    from lintune_schemas.recipe import Recipe
    from lintune_trainer import data
    from lintune_trainer.job import Job


class FastLanguageModel:
    """Unsloth's way in, of transformers and PEFT."""

    asked: ClassVar[dict[str, Any]] = {}

    @classmethod
    def from_pretrained(cls, model_name: str, dtype: Any, load_in_4bit: bool, **others: Any) -> tuple[Any, None]:
        from lintune_trainer import models

        assert not load_in_4bit
        cls.asked = others
        model = models.load(Path(model_name), dtype)
        forward = model.forward

        def counted(logits_to_keep: int = 0, **inputs: Any) -> Any:
            assert isinstance(logits_to_keep, int)
            return forward(logits_to_keep=logits_to_keep, **inputs)

        model.forward = counted
        return model, None

    @classmethod
    def get_peft_model(
        cls, model: Any, *, random_state: int, use_gradient_checkpointing: Any, max_seq_length: int, **config: Any
    ) -> Any:
        import torch
        from peft import LoraConfig, get_peft_model

        cls.asked |= {**config, "use_gradient_checkpointing": use_gradient_checkpointing}
        torch.manual_seed(random_state)
        return get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **config))


@pytest.fixture
def unsloth(monkeypatch: pytest.MonkeyPatch) -> type[FastLanguageModel]:
    """Unsloth as if it were installed, on a machine with a GPU."""
    module: Any = ModuleType("unsloth")
    module.FastLanguageModel = FastLanguageModel
    module.__spec__ = ModuleSpec("unsloth", None, origin="here")
    monkeypatch.setitem(sys.modules, "unsloth", module)
    monkeypatch.setattr(process, "count_gpus", lambda: 1)
    return FastLanguageModel


@pytest.mark.long
def test_our_trainer_trains_the_model_of_unsloth(
    unsloth: type[FastLanguageModel], job: Callable[..., Job], samples: list[data.Sample]
) -> None:
    from lintune_trainer.evaluation import evaluate
    from lintune_trainer.job import HeldModel

    given = job(
        samples[:8],
        samples[8:12],
        num_epochs=10,
        gradient_checkpointing=True,
        peft_use_rslora=True,
        lintune={"backend": "unsloth"},
    )
    engine = engines.choose(given.recipe, given.recipe_path)
    assert (engine.backend, engine.processes) == ("unsloth", 1)
    made = engine.fine_tune(given)
    losses = [event.loss for event in events.read(given.run.folder / runs.EVENTS) if isinstance(event, Progress)]
    assert len(losses) == 20
    assert losses[-1] < losses[0] - 0.3
    assert [event.step for event in made] == list(range(2, 20, 2))
    assert unsloth.asked["use_gradient_checkpointing"] == "unsloth"
    assert unsloth.asked["use_rslora"]
    assert unsloth.asked["max_seq_length"] == 512
    assert unsloth.asked["target_modules"] == sorted(
        f"{name}_proj" for name in ("down", "gate", "k", "o", "q", "up", "v")
    )
    # What transformers makes of the adapter that was saved is what Unsloth's model is.
    adapter = given.run.folder / "adapter"
    again, kept = HeldModel(given.weights, given.recipe, given.device).tuned(adapter), given.model.tuned(adapter)
    assert evaluate(again, samples[8:12], 4).loss == pytest.approx(evaluate(kept, samples[8:12], 4).loss, rel=1e-5)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"rl": "dpo"}, "Set lintune.backend: builtin"),
        ({"peft_use_dora": True}, "peft_use_dora: true is not for Unsloth"),
    ],
)
def test_what_unsloth_does_not_train(
    unsloth: type[FastLanguageModel], recipe: Callable[..., Recipe], values: dict[str, object], named: str
) -> None:
    with pytest.raises(LintuneError, match=named):
        engines.choose(recipe(lintune={"backend": "unsloth"}, **values), Path("recipe.yaml"))


def test_unsloth_without_a_gpu(
    unsloth: type[FastLanguageModel], recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "count_gpus", lambda: 0)
    with pytest.raises(LintuneError, match="needs a GPU of NVIDIA or AMD, and none was found"):
        engines.choose(recipe(lintune={"backend": "unsloth"}), Path("recipe.yaml"))
