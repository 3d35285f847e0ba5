"""The labels that are trained with equal the mask that the hover shows, on every sample of the example.

Both come from one function, so their agreement alone would prove little: they are also compared with labels made
another way, from token ids only (rendered by transformers, split by llama.cpp), without any character offsets.
"""

from pathlib import Path

import llama_cpp
import orjson
import pytest
import torch
from transformers import LlamaConfig

from lintune_schemas import base_model, model_files, recipe
from lintune_schemas.chat import IGNORED_LABEL, ChatTokenizer
from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter
from lintune_trainer import data
from lintune_trainer.batches import Collator
from lintune_trainer.data import Sample

EXAMPLE = Path(__file__).parents[2] / "examples" / "smart-home"
FILES = ["train.jsonl", "eval.jsonl"]


class AnyModel(torch.nn.Module):
    """What the collator needs of a model: one that wants its samples padded."""

    config = LlamaConfig(attn_implementation="sdpa")

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return input_ids


@pytest.fixture(scope="module")
def example_samples() -> dict[str, list[Sample]]:
    """The samples of the example as a training run gets them, by file."""
    read = recipe.load(EXAMPLE / "recipe.yaml")
    chat = model_files.load_tokenizer(base_model.find(read.base_model, EXAMPLE), read.chat_template)
    train, evaluation = data.tokenize(data.read(read, EXAMPLE), read, chat, pytest.fail)
    return {"train.jsonl": train, "eval.jsonl": evaluation}


def labels_in_batches(samples: list[Sample]) -> list[list[int]]:
    """Each sample's labels out of the padded batches that the model gets, padding cut off."""
    collate = Collator(AnyModel())
    found = []
    for start in range(0, len(samples), 8):
        batch = collate(samples[start : start + 8])
        for ids, mask, labels in zip(batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True):
            length = int(mask.sum())
            assert mask[:length].all()
            assert (labels[length:] == IGNORED_LABEL).all()
            learned = labels != IGNORED_LABEL
            assert torch.equal(labels[learned], ids[learned])
            found.append(labels[:length].tolist())
    return found


@pytest.mark.parametrize("name", FILES)
def test_trained_labels_are_what_the_hover_shows(example_samples: dict[str, list[Sample]], name: str) -> None:
    path = EXAMPLE / "data" / name
    text = path.read_text(encoding="utf-8")
    linter = DatasetLinter(path, context_for(path))
    linter.check(text)
    shown = [linter.inspect(line) for line in text.splitlines()]
    assert len(shown) == len(example_samples[name])
    trained = labels_in_batches(example_samples[name])
    for line, (inspection, labels) in enumerate(zip(shown, trained, strict=True), start=1):
        assert inspection is not None and inspection.tokenized is not None
        assert labels == inspection.tokenized.labels, f"{name}:{line}"


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_trained_labels_are_those_of_another_way(
    example_samples: dict[str, list[Sample]], name: str, chat: ChatTokenizer
) -> None:
    from transformers import AutoTokenizer

    demo = base_model.find(base_model.DEMO_MODEL, Path())
    renderer = AutoTokenizer.from_pretrained(model_files.tokenizer_folder(demo))
    vocabulary = llama_cpp.Llama(str(demo.path), vocab_only=True, verbose=False)

    def split(text: str) -> list[int]:
        return vocabulary.tokenize(text.encode(), add_bos=False, special=True)

    opening = split("<|im_start|>assistant\n")
    (end,) = split("<|im_end|>")
    lines = (EXAMPLE / "data" / name).read_bytes().splitlines()
    trained = labels_in_batches(example_samples[name])
    assert len(lines) == len(trained)
    for number, (line, labels) in enumerate(zip(lines, trained, strict=True), start=1):
        text = renderer.apply_chat_template(orjson.loads(line)["messages"], tokenize=False)
        assert labels == after_each(opening, split(text), end), f"{name}:{number}"


def after_each(opening: list[int], ids: list[int], end: int) -> list[int]:
    """Labels for the ids that follow an opening, up to and including the next end."""
    labels = [IGNORED_LABEL] * len(ids)
    for start in range(len(ids)):
        if ids[start : start + len(opening)] == opening:
            first = start + len(opening)
            last = ids.index(end, first)
            labels[first : last + 1] = ids[first : last + 1]
    return labels


def test_padding_never_counts(samples: list[Sample]) -> None:
    shortest, longest = (choose(samples, key=lambda sample: len(sample.ids)) for choose in (min, max))
    assert len(shortest.ids) < len(longest.ids)
    batch = Collator(AnyModel())([shortest, longest])
    assert batch["input_ids"].shape == batch["labels"].shape == (2, len(longest.ids))
    assert batch["attention_mask"].sum(1).tolist() == [len(shortest.ids), len(longest.ids)]
