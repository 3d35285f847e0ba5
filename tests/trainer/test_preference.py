"""Training on preference pairs: what is read of them, that TRL's losses fall, and that the better answers win."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from lintune_schemas import events, run_evaluation, runs
from lintune_schemas.chat import IGNORED_LABEL, ChatTokenizer
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import CheckpointSaved, Evaluation, EvaluationKind, Progress, Verified
from lintune_schemas.recipe import Recipe
from lintune_schemas.run_evaluation import Mark
from lintune_trainer import adapter, checkpoints, data, eval_file, evaluation, models, preference, training
from lintune_trainer.data import Sample
from lintune_trainer.device import Device
from lintune_trainer.evaluation import Score, Scores
from lintune_trainer.job import Job
from lintune_trainer.pairs import Pair
from lintune_trainer.preference import PairCollator, PairScores

from .trainer_process import LAMPS, only_run, train

CPU = Device("cpu", "CPU", torch.float32)

MakeRecipe = Callable[..., Recipe]


def write_pairs(path: Path, *pairs: tuple[str, str, str]) -> None:
    """Write pairs of a question, its better and its worse answer."""
    lines = ({"prompt": question, "chosen": better, "rejected": worse} for question, better, worse in pairs)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def lamp_pairs(file: str) -> list[tuple[str, str, str]]:
    """The lamps' samples, each with its reference as the better answer and another sample's as the worse."""
    samples = [json.loads(line)["messages"] for line in (LAMPS / file).read_text().splitlines()]
    answers = [messages[-1]["content"] for messages in samples]
    others = [next(other for other in answers[at:] + answers if other != answers[at]) for at in range(len(answers))]
    return [
        (messages[-2]["content"], answer, other)
        for messages, answer, other in zip(samples, answers, others, strict=True)
    ]


def tokenize(folder: Path, recipe: Recipe, chat: ChatTokenizer) -> tuple[list[Pair], list[str]]:
    said: list[str] = []
    read, _ = data.tokenize(data.read(recipe, folder), recipe, chat, said.append)
    assert all(isinstance(pair, Pair) for pair in read)
    return read, said  # type: ignore[return-value]


@pytest.fixture
def pairs(tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer) -> list[Pair]:
    """Eight pairs of the lamps' references and one answer that is no command, in tokens."""
    write_pairs(
        tmp_path / "train.jsonl",
        *((question, better, "I do not know.") for question, better, _ in lamp_pairs("train.jsonl")[:8]),
    )
    return tokenize(tmp_path, recipe(rl="dpo"), chat)[0]


@pytest.fixture
def paired(job: Callable[..., Job], pairs: list[Pair]) -> Callable[..., Job]:
    """Training the small model on eight pairs, and evaluating with them."""
    return partial(job, pairs, pairs, num_epochs=6, eval_steps=4)


def losses(reported: list[events.Event]) -> list[float]:
    return [event.loss for event in reported if isinstance(event, Progress)]


class TestReading:
    def test_both_sides_are_what_the_chat_tokenizer_makes_of_them(
        self, tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer
    ) -> None:
        write_pairs(tmp_path / "train.jsonl", ("Lamp on?", "Yes.", "Perhaps."))
        ((pair,), said) = tokenize(tmp_path, recipe(rl="dpo"), chat)
        for side, answer in ((pair, "Yes.<|im_end|>"), (pair.rejected, "Perhaps.<|im_end|>")):
            tokenized = chat.tokenize(side.conversation)
            assert (side.ids, list(side.labels)) == (tokenized.ids, tokenized.labels)
            learned = [label for label in side.labels if label != IGNORED_LABEL]
            assert chat.tokenizer.decode(learned, skip_special_tokens=False) == answer
        assert pair.trained_tokens == 3 + pair.rejected.trained_tokens
        assert not said

    def test_batches_mark_what_the_labels_do(self, pairs: list[Pair]) -> None:
        batch = PairCollator()(pairs[:3])
        sides = [*pairs[:3], *(pair.rejected for pair in pairs[:3])]
        assert batch["input_ids"].shape == (6, max(len(side.ids) for side in sides))
        for row, side in enumerate(sides):
            length = int(batch["attention_mask"][row].sum())
            assert tuple(batch["input_ids"][row, :length].tolist()) == side.ids
            learned = batch["completion_mask"][row].bool()
            assert not learned[length:].any()
            assert learned[:length].tolist() == [label != IGNORED_LABEL for label in side.labels]

    def test_a_pair_is_too_long_when_either_side_is(
        self, tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer
    ) -> None:
        write_pairs(tmp_path / "train.jsonl", ("Short?", "Yes.", "No."), ("Long?", "Yes.", "very " * 100))
        read, said = tokenize(tmp_path, recipe(rl="dpo", sequence_len=64), chat)
        assert [pair.line for pair in read] == [1]
        assert said == ["1 training sample is left out, longer than sequence_len (64 tokens): train.jsonl:2."]

        read, said = tokenize(tmp_path, recipe(rl="dpo", sequence_len=64, excess_length_strategy="truncate"), chat)
        assert [len(pair.rejected.ids) for pair in read][1] == len(read[1].rejected.labels) == 64
        assert said == ["1 training sample is cut at the end, longer than sequence_len (64 tokens): train.jsonl:2."]

        with pytest.raises(LintuneError, match=r"train\.jsonl:2\. Shorten them, or raise sequence_len"):
            tokenize(tmp_path, recipe(rl="dpo", sequence_len=64, excess_length_strategy="raise"), chat)

    def test_pairs_without_a_difference_or_an_answer_are_left_out(
        self, tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer
    ) -> None:
        long = "very " * 100
        write_pairs(tmp_path / "train.jsonl", ("On?", "Yes.", "No."), ("On?", "Yes.", "Yes."), (long, "Yes.", "No."))
        read, said = tokenize(tmp_path, recipe(rl="dpo", sequence_len=64, excess_length_strategy="truncate"), chat)
        assert [pair.line for pair in read] == [1]
        assert said == [
            "1 training sample is cut at the end, longer than sequence_len (64 tokens): train.jsonl:3.",
            "2 training samples are left out, with two equal answers: train.jsonl:2, train.jsonl:3.",
        ]

    def test_saying_nothing_may_be_the_better_answer(
        self, tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer
    ) -> None:
        write_pairs(tmp_path / "train.jsonl", ("On?", "", "No."), ("On?", "Yes.", ""))
        read, said = tokenize(tmp_path, recipe(rl="orpo"), chat)
        learned = [[label for label in side.labels if label != IGNORED_LABEL] for side in (read[0], read[1].rejected)]
        assert learned == [[chat.special_tokens["<|im_end|>"]]] * 2
        assert not said

    def test_pairs_and_their_method_go_together(self, tmp_path: Path, recipe: MakeRecipe) -> None:
        write_pairs(tmp_path / "train.jsonl", ("On?", "Yes.", "No."))
        with pytest.raises(LintuneError, match=r"holds preference pairs .* Set rl: dpo or rl: orpo"):
            data.read(recipe(), tmp_path)
        (tmp_path / "train.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
        with pytest.raises(LintuneError, match=r"rl: orpo trains on preference pairs, .* Take rl out of the recipe"):
            data.read(recipe(rl="orpo"), tmp_path)


def figures(job: Job, model: Any) -> PairScores:
    return preference.evaluate(model, job.evaluation, job.recipe, 4)


@pytest.mark.long
class TestTraining:
    @pytest.mark.parametrize("values", [{"rl": "dpo", "load_in_4bit": True}, {"rl": "ipo"}, {"rl": "orpo"}], ids=str)
    def test_the_better_answers_win(self, paired: Callable[..., Job], values: dict[str, object]) -> None:
        this = paired(**values)
        before = figures(this, this.model.base())
        training.fine_tune(this)
        tuned = this.model.tuned(this.run.folder / "adapter")
        after = figures(this, tuned)

        reported = list(events.read(this.run.folder / runs.EVENTS))
        losses = [event.loss for event in reported if isinstance(event, Progress)]
        assert len(losses) == 12
        assert losses[0] == pytest.approx(before.loss, abs=0.02)  # of the first four pairs
        assert losses[-1] < losses[0]
        assert after.loss < before.loss
        assert after.reward_margin > before.reward_margin
        assert after.reward_accuracy == 1.0
        likelier = [better.loss < worse.loss for better, worse in zip(*both(tuned, this.evaluation), strict=True)]
        assert all(likelier)
        leads = [
            [worse.nats - better.nats for better, worse in zip(made.chosen.each, made.rejected.each, strict=True)]
            for made in (before, after)
        ]
        assert all(now > then for then, now in zip(*leads, strict=True))
        assert after.prefers == tuple(lead > 0 for lead in leads[1])

        between = [event for event in reported if isinstance(event, Evaluation)]
        assert [event.step for event in between] == [4, 8]
        assert all(event.reward_accuracy is not None and event.reward_margin is not None for event in between)
        saved = [event for event in reported if isinstance(event, CheckpointSaved)]
        assert saved and all((this.run.folder / event.path).is_dir() for event in saved[-2:])

    def test_before_training_dpo_knows_no_difference(self, paired: Callable[..., Job]) -> None:
        this = paired(rl="dpo")
        before = figures(this, this.model.base())
        assert before.loss == pytest.approx(math.log(2))
        assert (before.reward_accuracy, before.reward_margin) == (0.5, 0.0)

    @pytest.mark.parametrize(
        "values",
        [
            {"rl": "dpo"},
            {"rl": "dpo", "rl_beta": 0.5, "dpo_label_smoothing": 0.2},
            {"rl": "ipo", "load_in_4bit": True},
            {"rl": "orpo", "orpo_alpha": 0.4, "load_in_4bit": True},
        ],
        ids=str,
    )
    def test_an_evaluation_gives_the_loss_that_is_trained_with(
        self, paired: Callable[..., Job], values: dict[str, object], tmp_path: Path
    ) -> None:
        this = paired(**values)
        model = adapter.attach(this.model.base(), this.recipe)
        settings = partial(training.arguments, this.recipe, this.plan, CPU, tmp_path, evaluates=False)
        trainer = preference.trainer(model, this, settings, [])
        assert list(model.peft_config) == ["default"]
        trained = [weights for weights in model.parameters() if weights.requires_grad]
        assert {weights.dtype for weights in trained} == {torch.float32}
        torch.manual_seed(0)
        for weights in trained:
            weights.data.add_(0.05 * torch.randn_like(weights))

        batch = PairCollator()(this.train)
        model.train()
        loss = trainer.compute_loss(model, batch)
        assert float(loss) == pytest.approx(figures(this, model).loss, rel=1e-4)
        assert float(loss) != pytest.approx(math.log(2), abs=1e-3)
        loss.backward()
        assert all(weights.grad is not None and weights.grad.any() for weights in trained)

    def test_a_head_that_scores_learned_tokens_only_gives_the_same(
        self, paired: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        this = paired(rl="dpo")

        def loss_and_gradient() -> tuple[float, torch.Tensor]:
            model = adapter.attach(models.load_for_training(this.weights, this.recipe, CPU), this.recipe)
            settings = partial(training.arguments, this.recipe, this.plan, CPU, tmp_path, evaluates=False)
            trainer = preference.trainer(model, this, settings, [])
            trained = [weights for weights in model.parameters() if weights.requires_grad]
            torch.manual_seed(0)
            for weights in trained:
                weights.data.add_(0.05 * torch.randn_like(weights))
            loss = trainer.compute_loss(model, PairCollator()(this.train[:3]))
            loss.backward()
            return float(loss), torch.cat([weights.grad.flatten() for weights in trained])

        ours = loss_and_gradient()
        monkeypatch.setattr(preference, "_score_learned_tokens_only", lambda _model: None)
        theirs = loss_and_gradient()
        assert ours[0] == pytest.approx(theirs[0], rel=1e-5)
        torch.testing.assert_close(ours[1], theirs[1], rtol=1e-3, atol=1e-5)

    @pytest.mark.parametrize("rl", ["dpo", "orpo"])
    def test_a_run_that_goes_on_takes_the_same_steps(self, paired: Callable[..., Job], rl: str) -> None:
        def losses(this: Job) -> dict[int, float]:
            training.fine_tune(this)
            reported = events.read(this.run.folder / runs.EVENTS)
            return {event.step: event.loss for event in reported if isinstance(event, Progress)}

        values = {"rl": rl, "num_epochs": 3, "save_steps": 3, "lora_dropout": 0.1}
        whole = paired(**values)
        expected = losses(whole)
        checkpoint = checkpoints.of_step(checkpoints.folder_of(whole.run.folder), 3)
        resumed = losses(replace(paired(**values), checkpoint=checkpoint))
        assert list(resumed) == [4, 5, 6]
        assert resumed == {step: pytest.approx(expected[step], rel=1e-5) for step in resumed}

    def test_an_adapter_on_the_head_is_refused(self, paired: Callable[..., Job]) -> None:
        this = paired(rl="dpo", lora_target_linear=False, lora_target_modules=["q_proj", "lm_head"])
        with pytest.raises(LintuneError, match="rl: dpo cannot train this adapter"):
            training.fine_tune(this)


def both(model: Any, pairs: Sequence[Sample]) -> tuple[Sequence[Score], Sequence[Score]]:
    """The scores of the better and of the worse answers."""
    worse = [pair.rejected for pair in pairs if isinstance(pair, Pair)]
    return evaluation.evaluate(model, pairs, 4).each, evaluation.evaluate(model, worse, 4).each


def test_eval_json_says_which_answer_is_likelier(tmp_path: Path, pairs: list[Pair]) -> None:
    """As a whole: the worse answer of the second pair has the lower loss a token, but more tokens."""
    better, worse = Scores((Score(4.0, 4, 3), Score(4.0, 2, 1))), Scores((Score(3.0, 3, 3), Score(9.0, 9, 9)))
    scores = PairScores(better, worse, 0.7, (0.0, 0.0))
    eval_file.write(tmp_path, tmp_path, pairs[:2], [], base=scores, tuned=scores)
    found = run_evaluation.read(tmp_path)
    assert found is not None
    assert [one.tuned and (one.tuned.loss, one.tuned.prefers) for one in found.each] == [(1.0, False), (2.0, True)]
    assert [one.mark for one in found.each] == [Mark.STILL_WRONG, Mark.STILL_RIGHT]


@pytest.mark.slow
def test_a_whole_run_on_pairs_of_commands(lamps: Path) -> None:
    """The demo model learns which of two commands is right, and what is exported is proven."""
    for file in ("train.jsonl", "eval.jsonl"):
        write_pairs(lamps / file, *lamp_pairs(file))
    entries = {
        key: f"[{{path: {file}}}]" for key, file in (("datasets", "train.jsonl"), ("test_datasets", "eval.jsonl"))
    }
    ended = train(lamps, *(f"{key}={value}" for key, value in entries.items()), "rl=dpo", "learning_rate=5e-4")
    assert ended.code == 0, ended
    baseline, *_, final = ended.of(Evaluation)
    assert (baseline.kind, final.kind) == (EvaluationKind.BASELINE, EvaluationKind.FINAL)
    assert baseline.eval_loss == pytest.approx(math.log(2), abs=1e-3)
    assert final.eval_loss < 0.6 * baseline.eval_loss
    assert final.reward_accuracy >= 0.75
    assert final.reward_margin > 0.2
    (verified,) = ended.of(Verified)
    assert verified.ok, verified.checks
    assert (only_run(lamps) / "model-q4_k_m.gguf").is_file()
