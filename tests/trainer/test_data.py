"""Samples to tokens: what is read, split, left out or cut, and what is said about it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lintune_schemas.chat import IGNORED_LABEL, ChatTokenizer
from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import Recipe
from lintune_trainer import data
from lintune_trainer.data import Sample

MakeRecipe = Callable[..., Recipe]


def write(path: Path, *conversations: tuple[str, str, float]) -> None:
    """Write samples of one question, one answer and the weight of the answer."""
    lines = [
        {
            "messages": [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer, "weight": weight},
            ]
        }
        for question, answer, weight in conversations
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def tokenize(folder: Path, recipe: Recipe, chat: ChatTokenizer) -> tuple[list[Sample], list[Sample], list[str]]:
    said: list[str] = []
    return *data.tokenize(data.read(recipe, folder), recipe, chat, said.append), said


def test_only_the_answer_and_its_end_are_learned(tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer) -> None:
    write(tmp_path / "train.jsonl", ("Lamp on?", "Yes.", 1))
    ((sample,), _, said) = tokenize(tmp_path, recipe(), chat)
    learned = [label for label in sample.labels if label != IGNORED_LABEL]
    assert chat.tokenizer.decode(learned, skip_special_tokens=False) == "Yes.<|im_end|>"
    assert sample.trained_tokens == len(learned) == 3
    assert not said


def test_train_on_inputs_learns_everything(tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer) -> None:
    write(tmp_path / "train.jsonl", ("Lamp on?", "Yes.", 1))
    ((sample,), _, _) = tokenize(tmp_path, recipe(train_on_inputs=True), chat)
    assert sample.labels == sample.ids


def test_an_answer_of_weight_0_leaves_nothing_to_learn(tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer) -> None:
    write(tmp_path / "train.jsonl", ("Lamp on?", "Yes.", 1), ("And now?", "No.", 0))
    train, _, said = tokenize(tmp_path, recipe(), chat)
    assert [sample.line for sample in train] == [1]
    assert said == ["1 training sample is left out, with nothing to learn: train.jsonl:2."]


def test_too_long_samples_are_dropped_cut_or_refused(tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer) -> None:
    write(tmp_path / "train.jsonl", ("Short?", "Yes.", 1), ("Long?", "very " * 100, 1))
    train, _, said = tokenize(tmp_path, recipe(sequence_len=64), chat)
    assert [sample.line for sample in train] == [1]
    assert said == ["1 training sample is left out, longer than sequence_len (64 tokens): train.jsonl:2."]

    train, _, said = tokenize(tmp_path, recipe(sequence_len=64, excess_length_strategy="truncate"), chat)
    assert [(sample.line, len(sample.ids), len(sample.labels)) for sample in train][1] == (2, 64, 64)
    assert said == ["1 training sample is cut at the end, longer than sequence_len (64 tokens): train.jsonl:2."]

    with pytest.raises(LintuneError, match=r"train\.jsonl:2\. Shorten them, or raise sequence_len"):
        tokenize(tmp_path, recipe(sequence_len=64, excess_length_strategy="raise"), chat)


def test_what_is_cut_before_its_answer_is_left_out(tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer) -> None:
    write(tmp_path / "train.jsonl", ("Short?", "Yes.", 1), ("very " * 100, "Yes.", 1))
    train, _, said = tokenize(tmp_path, recipe(sequence_len=64, excess_length_strategy="truncate"), chat)
    assert [sample.line for sample in train] == [1]
    assert "nothing to learn: train.jsonl:2." in said[1]


def test_nothing_left_to_train_on(tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer) -> None:
    write(tmp_path / "train.jsonl", ("Long?", "very " * 100, 1))
    with pytest.raises(LintuneError, match="No training sample is left"):
        tokenize(tmp_path, recipe(sequence_len=64), chat)


@pytest.mark.parametrize(("size", "held_out"), [(0.25, 5), (3, 3), (0.001, 1)])
def test_a_share_or_number_is_held_out_the_same_each_time(
    tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer, size: float, held_out: int
) -> None:
    write(tmp_path / "train.jsonl", *((f"Lamp {number}?", "Yes.", 1) for number in range(20)))
    train, evaluation, _ = tokenize(tmp_path, recipe(val_set_size=size), chat)
    assert len(evaluation) == held_out
    assert sorted(sample.line for sample in train + evaluation) == list(range(1, 21))
    again = tokenize(tmp_path, recipe(val_set_size=size), chat)
    assert again[1] == evaluation
    others = tokenize(tmp_path, recipe(val_set_size=size, seed=1), chat)[1]
    assert size == 0.001 or others != evaluation


def test_a_split_that_takes_all_is_refused(tmp_path: Path, recipe: MakeRecipe, chat: ChatTokenizer) -> None:
    write(tmp_path / "train.jsonl", ("Lamp on?", "Yes.", 1))
    with pytest.raises(LintuneError, match="leaves nothing to train on"):
        tokenize(tmp_path, recipe(val_set_size=0.5), chat)
