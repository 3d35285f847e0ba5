"""What is watched while a model learns: real training, on small models with random weights."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from lintune_schemas import events, runs
from lintune_schemas.chat import IGNORED_LABEL, ChatTokenizer
from lintune_schemas.events import CheckpointSaved, Evaluation, Progress, RunFailed, SamplePlace, Warned, WarningTopic
from lintune_schemas.plan import plan
from lintune_schemas.runs import DatasetLock
from lintune_trainer import checkpoints, conclusion, evaluation, models
from lintune_trainer.data import Sample
from lintune_trainer.device import Device
from lintune_trainer.job import HeldModel, Job
from lintune_trainer.places import SamplesError
from lintune_trainer.run import Run, RunFailedError, create
from lintune_trainer.training import fine_tune

pytestmark = pytest.mark.long

CPU = Device("cpu", "CPU", torch.float32)

MakeJob = Callable[..., Job]


@pytest.fixture
def watched(job: MakeJob, samples: list[Sample], tmp_path: Path) -> MakeJob:
    """A job with eight samples, whose files are among the recipe's data sets."""

    def made(train: Sequence[Sample] = samples[:8], *more: Any, **values: Any) -> Job:
        return job([replace(sample, path=tmp_path / "data" / sample.path.name) for sample in train], *more, **values)

    return made


def reported(run: Run) -> list[events.Event]:
    return list(events.read(run.folder / runs.EVENTS))


def warned_of(run: Run, topic: WarningTopic) -> list[Warned]:
    return [event for event in reported(run) if isinstance(event, Warned) and event.topic is topic]


def finite(checkpoint: Path) -> bool:
    from safetensors.torch import load_file

    return all(
        bool(weights.isfinite().all()) for weights in load_file(checkpoint / "adapter_model.safetensors").values()
    )


def changed(small_model: Path, folder: Path, change: Callable[[LlamaForCausalLM], None]) -> Path:
    """A model like the small one, but with an output layer of its own."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig.from_pretrained(small_model, tie_word_embeddings=False))
    with torch.no_grad():
        change(model)
    model.save_pretrained(folder)
    models.copy_tokenizer(small_model, folder)
    return folder


@pytest.fixture(scope="module")
def quick_model(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Path:
    """A model with an output layer so large that it can learn samples by heart, in a few dozen steps."""

    def change(model: LlamaForCausalLM) -> None:
        model.lm_head.weight *= 20

    return changed(small_model, tmp_path_factory.mktemp("models") / "quick", change)


@pytest.fixture
def learned(watched: MakeJob, samples: list[Sample], quick_model: Path) -> Job:
    """A job that goes on with an adapter which has learned sixteen samples: their loss is under 2."""
    before = watched(samples[:16], weights=quick_model, num_epochs=12, save_steps=100)
    fine_tune(before)
    return replace(watched(samples[:16], weights=quick_model, save_steps=100), adapter=before.run.folder / "adapter")


@pytest.fixture
def prose(chat: ChatTokenizer, samples: list[Sample]) -> list[Sample]:
    """Pieces of a text that hardly help with one another."""
    text = (Path(__file__).parents[2] / "LICENSE").read_text(encoding="utf-8")
    ids = chat.tokenizer.encode(text).ids
    pieces = [tuple(ids[start : start + 24]) for start in range(0, 24 * 42, 24)]
    return [
        replace(samples[0], line=line, ids=piece, labels=(IGNORED_LABEL,) * 4 + piece[4:])
        for line, piece in enumerate(pieces, start=1)
    ]


# Losses that are no number


@pytest.fixture(scope="module")
def hole(samples: list[Sample]) -> int:
    """A token that is in sample 6 alone."""
    others = {token for index, sample in enumerate(samples) for token in sample.ids if index != 6}
    return next(token for token in samples[6].ids if token not in others)


@pytest.fixture(scope="module")
def model_with_a_hole(tmp_path_factory: pytest.TempPathFactory, small_model: Path, hole: int) -> Path:
    """A model whose embedding of one token is no number, as after a careless conversion."""

    def change(model: LlamaForCausalLM) -> None:
        model.model.embed_tokens.weight[hole] = float("nan")

    return changed(small_model, tmp_path_factory.mktemp("models") / "hole", change)


@pytest.mark.parametrize(
    "values",
    [
        {"micro_batch_size": 1},
        {"micro_batch_size": 4},
        {"micro_batch_size": 2, "gradient_accumulation_steps": 4},
        {"micro_batch_size": 4, "gradient_checkpointing": True, "max_grad_norm": 0.0},
    ],
)
def test_the_sample_whose_loss_is_no_number_is_named(
    watched: MakeJob, samples: list[Sample], model_with_a_hole: Path, values: dict[str, object]
) -> None:
    ruined = watched(samples[:16], weights=model_with_a_hole, save_steps=1, save_total_limit=20, **values)
    with pytest.raises(RunFailedError, match=r"because of data/train\.jsonl:7: other samples"), ruined.run.recorded():
        fine_tune(ruined)
    *before, last = reported(ruined.run)
    assert isinstance(last, RunFailed)
    assert last.samples == [SamplePlace("data/train.jsonl", 7)]
    assert "Correct that sample or take it out" in last.message
    taken = [event.step for event in before if isinstance(event, Progress)]
    assert f"at step {len(taken) + 1}" in last.message
    written = checkpoints.found(checkpoints.folder_of(ruined.run.folder))
    assert [checkpoints.step_of(checkpoint) for checkpoint in written] == taken
    assert all(finite(checkpoint) for checkpoint in written)
    assert not (ruined.run.folder / "adapter").exists()


def test_an_evaluation_sample_whose_loss_is_no_number_is_named(
    watched: MakeJob, samples: list[Sample], model_with_a_hole: Path
) -> None:
    ruined = watched(
        samples[:4], [replace(samples[6], path=Path("/elsewhere/eval.jsonl")), samples[8]], model_with_a_hole
    )
    with pytest.raises(SamplesError, match=r"no number on /elsewhere/eval\.jsonl:7, and is one on") as raised:
        fine_tune(replace(ruined, plan=replace(ruined.plan, total_steps=4)))
    assert raised.value.places == [SamplePlace("/elsewhere/eval.jsonl", 7)]


def test_weights_that_overflow_are_not_written(watched: MakeJob) -> None:
    ruined = watched(learning_rate=1e39, max_grad_norm=0.0, warmup_steps=0, max_steps=1)
    with pytest.raises(SamplesError, match=r"overflowed at step 1: training has diverged\. Lower learning_rate"):
        fine_tune(ruined)
    assert not checkpoints.found(checkpoints.folder_of(ruined.run.folder))
    assert not (ruined.run.folder / "adapter").exists()


# Losses that shoot up


def far_too_fast(learned: Job, **values: object) -> Job:
    """The same job at a learning rate that unlearns everything."""
    wild = msgspec.structs.replace(
        learned.recipe, learning_rate=10.0, max_grad_norm=0.0, lr_scheduler="constant", num_epochs=10, **values
    )
    return replace(learned, recipe=wild, plan=plan(wild, 16))


def test_training_that_diverges_is_stopped_with_the_samples_of_the_step(learned: Job) -> None:
    wild = far_too_fast(learned)
    with pytest.raises(SamplesError, match=r"The loss shot up at step \d+, .*diverged\. Lower learning_rate") as raised:
        fine_tune(wild)
    steps = [event for event in reported(wild.run) if isinstance(event, Progress)]
    assert len(steps) < wild.plan.total_steps
    assert 1 <= len(raised.value.places) <= 4
    (spike,) = warned_of(wild.run, WarningTopic.LOSS_SPIKE)
    assert spike.samples == raised.value.places


def test_a_resumed_run_sees_the_divergence_that_began_before(learned: Job) -> None:
    wild = far_too_fast(learned, save_steps=1, save_total_limit=100)
    with pytest.raises(SamplesError) as first:
        fine_tune(wild)
    last = checkpoints.newest(checkpoints.folder_of(wild.run.folder))
    assert last is not None
    again = resumed(wild, checkpoints.step_of(last) - 5)
    with pytest.raises(SamplesError) as second:
        fine_tune(again)
    assert str(second.value) == str(first.value)
    assert second.value.places == first.value.places


def test_an_odd_sample_is_named_and_training_goes_on(learned: Job) -> None:
    odd = replace(learned.train[0], line=99, ids=tuple(range(1000, 1060)), labels=(-100, *range(1001, 1060)))
    healthy = replace(learned, train=[*learned.train, odd], plan=replace(learned.plan, total_steps=10))
    fine_tune(healthy)
    (spike,) = warned_of(healthy.run, WarningTopic.LOSS_SPIKE)  # in the second epoch it is the same sample again
    assert spike.samples == [SamplePlace("data/train.jsonl", 99)]
    assert "data/train.jsonl:99" in spike.message
    assert (healthy.run.folder / "adapter").exists()


@pytest.mark.parametrize("batch", [1, 8])
def test_usual_training_is_silent(watched: MakeJob, samples: list[Sample], quick_model: Path, batch: int) -> None:
    healthy = watched(samples[:24], samples[24:], weights=quick_model, micro_batch_size=batch, num_epochs=3)
    fine_tune(healthy)
    assert not [event for event in reported(healthy.run) if isinstance(event, Warned)]


# When to stop


def evaluations(run: Run) -> dict[int, float]:
    return {event.step: event.eval_loss for event in reported(run) if isinstance(event, Evaluation)}


@pytest.fixture
def over_fits(watched: MakeJob, prose: list[Sample], quick_model: Path) -> Callable[..., Job]:
    """A job with an evaluation every two steps, of which one in the middle is the best."""
    return lambda **values: watched(prose[:8], prose[30:38], quick_model, num_epochs=14, learning_rate=0.02, **values)


def test_early_stopping_ends_with_the_best_checkpoint(over_fits: Callable[..., Job]) -> None:
    early = over_fits(early_stopping_patience=2, save_total_limit=1)
    fine_tune(early)
    seen = evaluations(early.run)
    best = min(seen, key=lambda step: seen[step])
    assert list(seen) == list(range(2, best + 5, 2))  # two evaluations later it ends
    assert max(seen) < early.plan.total_steps
    (warned,) = warned_of(early.run, WarningTopic.EARLY_STOP)
    assert warned.epoch == best / 2
    assert f"after epoch {best // 2}" in warned.message
    scores = evaluation.evaluate(early.model.tuned(early.run.folder / "adapter"), early.evaluation, 4)
    assert scores.loss == pytest.approx(seen[best], rel=1e-4)
    (saved,) = [event for event in reported(early.run) if isinstance(event, CheckpointSaved) and event.step == best]
    assert saved.best


def test_the_best_checkpoint_at_the_end(over_fits: Callable[..., Job]) -> None:
    whole = over_fits(load_best_model_at_end=True)
    fine_tune(whole)
    seen = evaluations(whole.run)
    assert max(seen) == whole.plan.total_steps  # the last weights have their chance, too
    assert min(seen, key=lambda step: seen[step]) < max(seen)
    scores = evaluation.evaluate(whole.model.tuned(whole.run.folder / "adapter"), whole.evaluation, 4)
    assert scores.loss == pytest.approx(min(seen.values()), rel=1e-4)


def resumed(before: Job, step: int) -> Job:
    """The same training, gone on with from one of its checkpoints, in this process."""
    model = HeldModel(before.weights, before.recipe, CPU)
    checkpoint = checkpoints.of_step(checkpoints.folder_of(before.run.folder), step)
    run = create(before.recipe, before.recipe_path.parent, DatasetLock("0" * 16), lambda _: None)
    return replace(before, run=run, model=model, checkpoint=checkpoint)


def test_a_resumed_run_stops_where_it_would_have_stopped(over_fits: Callable[..., Job]) -> None:
    early = over_fits(early_stopping_patience=2, save_total_limit=100)
    fine_tune(early)
    seen = evaluations(early.run)
    steps = [event.step for event in reported(early.run) if isinstance(event, Progress)]
    for step in (max(seen) - 2, max(seen)):
        again = resumed(early, step)
        fine_tune(again)
        later = [event.step for event in reported(again.run) if isinstance(event, Progress)]
        assert later == [each for each in steps if each > step]
        assert evaluations(again.run) == pytest.approx({at: loss for at, loss in seen.items() if at > step}, rel=1e-4)
        assert len(warned_of(again.run, WarningTopic.EARLY_STOP)) == (step < max(seen))


# Over-fitting


def test_thirty_samples_thirty_times_are_learned_by_heart(
    watched: MakeJob, prose: list[Sample], quick_model: Path
) -> None:
    fitted = watched(prose[:30], prose[30:], quick_model, micro_batch_size=10, num_epochs=30, save_steps=100)
    fine_tune(fitted)
    seen = evaluations(fitted.run)
    (warned,) = warned_of(fitted.run, WarningTopic.OVER_FITTING)
    assert warned.epoch is not None
    assert warned.epoch <= 15
    assert seen[round(warned.epoch * 3)] == min(seen.values())
    assert f"set num_epochs: {warned.epoch:.3g}" in warned.message

    model = fitted.model.tuned(fitted.run.folder / "adapter")
    scores = evaluation.evaluate(model, fitted.evaluation, 10)
    conclusion.with_evaluation(fitted.run, fitted.recipe, fitted.plan, fitted.train, fitted.evaluation, model, scores)
    assert len(warned_of(fitted.run, WarningTopic.OVER_FITTING)) == 1
    (better,) = warned_of(fitted.run, WarningTopic.BEST_IS_EARLIER)
    assert better.epoch == warned.epoch
