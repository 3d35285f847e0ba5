"""The training loop, in this process, on a small model with random weights."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import bitsandbytes as bnb
import pytest
import torch

from lintune_schemas import events, runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import CheckpointSaved, Evaluation, Progress
from lintune_schemas.plan import plan
from lintune_schemas.recipe import Recipe
from lintune_trainer import adapter, models, training
from lintune_trainer.batches import Collator
from lintune_trainer.data import Sample
from lintune_trainer.device import Device
from lintune_trainer.evaluation import evaluate
from lintune_trainer.job import Job
from lintune_trainer.loss import training_loss
from lintune_trainer.run import Run
from lintune_trainer.training import arguments, fine_tune

pytestmark = pytest.mark.long

CPU = Device("cpu", "CPU", torch.float32)

MakeRecipe = Callable[..., Recipe]
FineTune = Callable[..., tuple[Any, Run, list[events.Event]]]


@pytest.fixture
def tune(job: Callable[..., Job], samples: list[Sample]) -> FineTune:
    """Fine-tune the small model on eight samples: the tuned model, its run and the run's events."""

    def fine_tuned(
        train: list[Sample] = samples[:8], evaluation: Sequence[Sample] = (), **values: object
    ) -> tuple[Any, Run, list[events.Event]]:
        given = job(train, evaluation, **values)
        fine_tune(given)
        folder = given.run.folder
        return given.model.tuned(folder / "adapter"), given.run, list(events.read(folder / runs.EVENTS))

    return fine_tuned


def losses(reported: list[events.Event]) -> list[float]:
    return [event.loss for event in reported if isinstance(event, Progress)]


def test_it_learns(tune: FineTune, samples: list[Sample]) -> None:
    model, _, reported = tune(num_epochs=10)
    assert len(losses(reported)) == 20
    # Random embeddings that stay as they are set a limit to what can be learned.
    assert evaluate(model, samples[:8], 4).loss < losses(reported)[0] - 0.3


def test_an_evaluation_does_not_change_the_gradients(
    small_model: Path, samples: list[Sample], recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bitsandbytes repacks 4-bit weights when a CPU with AVX-512 bf16 evaluates, and then gives no gradients."""
    monkeypatch.setattr(bnb.nn.modules, "has_avx512bf16", lambda: True)
    monkeypatch.setattr(models, "WHOLE_WEIGHTS_SHARE", 0.0)
    model = adapter.attach(models.load_for_training(small_model, recipe(load_in_4bit=True), CPU), recipe())
    batch = Collator(model)(samples[:4])
    labels = batch.pop("labels")

    def gradients() -> dict[str, torch.Tensor]:
        model.train()
        model.zero_grad()
        training_loss(model(**batch), labels).backward()
        return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}

    before = gradients()
    evaluate(model, samples[:4], 4)
    after = gradients()
    assert all(torch.equal(after[name], gradient) for name, gradient in before.items())


def test_each_step_is_reported(tune: FineTune, samples: list[Sample]) -> None:
    _, _, reported = tune(num_epochs=3, warmup_steps=2)
    progress = [event for event in reported if isinstance(event, Progress)]
    assert [event.step for event in progress] == [1, 2, 3, 4, 5, 6]
    assert {event.total_steps for event in progress} == {6}
    assert [event.epoch for event in progress] == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert [event.learning_rate for event in progress][:3] == pytest.approx([0.0, 0.005, 0.01])
    assert all(event.tokens_per_second > 0 and event.eta_seconds >= 0 for event in progress)
    assert progress[-1].eta_seconds == 0


@pytest.mark.parametrize("train_on_inputs", [False, True])
def test_accumulated_batches_count_each_token_once(
    tune: FineTune, samples: list[Sample], small_model: Path, train_on_inputs: bool
) -> None:
    train = samples[:8]
    if train_on_inputs:
        train = [Sample(each.path, each.line, each.conversation, each.ids, each.ids) for each in train]
    expected = evaluate(models.load(small_model, torch.float32), train, 8).loss
    for values in ({"micro_batch_size": 8}, {"micro_batch_size": 1, "gradient_accumulation_steps": 8}):
        _, _, reported = tune(train, max_steps=1, **values)
        assert losses(reported) == [pytest.approx(expected, rel=1e-4)]


def test_the_seed_decides(tune: FineTune) -> None:
    first, again, other = (losses(tune(num_epochs=2, seed=seed)[2]) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_checkpointed_activations_change_nothing(tune: FineTune) -> None:
    plain, checkpointed = (losses(tune(num_epochs=2, gradient_checkpointing=way)[2]) for way in (False, True))
    assert checkpointed == pytest.approx(plain, rel=1e-4)


def test_nf4_weights_are_trained_against(
    tune: FineTune, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bitsandbytes.nn import Linear4bit

    monkeypatch.setattr(models, "WHOLE_WEIGHTS_SHARE", 0.0)  # else a CPU keeps what they are multiplied as
    model, _, reported = tune(num_epochs=10, adapter="qlora", load_in_4bit=True)
    quantized = [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert len(quantized) == 14  # seven in each of two layers
    assert all(module.weight.quant_state.quant_type == "nf4" for module in quantized)
    assert all(module.weight.quant_state.nested for module in quantized)
    trained = {name.split(".")[-3] for name, weights in model.named_parameters() if weights.requires_grad}
    assert trained == {"lora_A", "lora_B"}
    assert evaluate(model, samples[:8], 4).loss < losses(reported)[0] - 0.3


def test_evaluations_between(tune: FineTune, samples: list[Sample]) -> None:
    _, _, reported = tune(evaluation=samples[8:12], num_epochs=3)
    evaluated = [event for event in reported if isinstance(event, Evaluation)]
    assert [event.step for event in evaluated] == [2, 4]  # the last one is the run's own
    assert all(event.kind == "checkpoint" and event.eval_loss > 0 for event in evaluated)


def test_checkpoints_are_whole_and_few(tune: FineTune) -> None:
    from peft import PeftModel

    model, run, reported = tune(num_epochs=3, save_total_limit=2)
    saved = [event for event in reported if isinstance(event, CheckpointSaved)]
    assert [event.path for event in saved] == [f"checkpoints/checkpoint-{step}" for step in (2, 4, 6)]
    folder = run.folder / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter-4.gguf",
        "adapter-6.gguf",
        "checkpoint-4",
        "checkpoint-6",
    ]
    state = json.loads((folder / "checkpoint-6" / "trainer_state.json").read_text())
    assert state["global_step"] == 6
    for name in ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        assert (folder / "checkpoint-6" / name).stat().st_size > 0
    loaded = PeftModel.from_pretrained(model.get_base_model(), folder / "checkpoint-6", adapter_name="saved")
    weights = dict(loaded.named_parameters())
    pairs = [(value, weights[name.replace("default", "saved")]) for name, value in weights.items() if "default" in name]
    assert len(pairs) == 28
    assert all(torch.equal(now, saved_) for now, saved_ in pairs)


def test_a_loss_that_is_no_number_ends_the_run(tune: FineTune) -> None:
    with pytest.raises(LintuneError, match=r"The loss became nan at step .* Lower learning_rate"):
        tune(num_epochs=50, learning_rate=1e30, max_grad_norm=0.0, warmup_steps=0)


def test_targets_that_the_model_has_not(tune: FineTune) -> None:
    with pytest.raises(LintuneError, match="lora_target_modules does not fit this model"):
        tune(lora_target_linear=False, lora_target_modules=["wqkv"])


def test_liger_kernels_are_used_on_a_gpu_where_they_are_installed(
    recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def used(kind: str, **values: object) -> bool:
        asked = recipe(**values)
        made = arguments(asked, plan(asked, 8), Device(kind, kind, torch.float32), tmp_path, evaluates=False)
        return bool(made.use_liger_kernel)

    assert not used("cuda")
    monkeypatch.setattr(training, "is_liger_kernel_available", lambda: True)
    assert used("cuda")
    assert not used("cuda", rl="dpo")
    assert not used("cpu")
