"""Whatever the data, the model and the machine: the recipe that is written has no finding that matters."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests import tokenizers

from lintune_schemas import model_facts, starter_models
from lintune_schemas import recipe as recipes
from lintune_schemas.base_model import DEMO_MODEL
from lintune_schemas.errors import LintuneError
from lintune_schemas.starter_models import STARTERS
from lintune_server.hardware import Machine, Processor, fitting
from lintune_server.lint import context
from lintune_server.lint.findings import Severity
from lintune_server.lint.recipe import judge
from lintune_server.lint.recipe_source import RecipeSource
from lintune_server.lint.sieve import Sieve
from lintune_server.new_recipe import data_file, models, settings, text
from lintune_server.new_recipe.models import Task

pytestmark = pytest.mark.long

if TYPE_CHECKING:
    from collections.abc import Callable

    from lintune_server.lint.findings import Finding

ROOT = Path(__file__).parents[3]
CPU = Machine("Linux", "x86_64", Processor("CPU", 2, frozenset({"avx512bw", "avx512vl", "avx512dq"})), 16 << 30)
WORDS = ("river", "stone", "window", "garden", "letter", "winter", "engine", "copper", "island", "market", "bottle")


def sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(words)).capitalize() + "."


SHAPES: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "chat": lambda asked, said: {
        "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
    },
    "chat with a system message": lambda asked, said: {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": asked},
            {"role": "assistant", "content": said},
        ]
    },
    "sharegpt": lambda asked, said: {
        "conversations": [{"from": "human", "value": asked}, {"from": "gpt", "value": said}]
    },
    "chat under other keys": lambda asked, said: {
        "dialog": [{"speaker": "user", "text": asked}, {"speaker": "bot", "text": said}]
    },
    "alpaca": lambda asked, said: {"instruction": asked, "input": "", "output": said},
    "prompt-completion": lambda asked, said: {"prompt": asked, "completion": said},
    "questions": lambda asked, said: {"id": len(asked), "question": asked, "answer": said},
    "text": lambda asked, said: {"text": f"{asked} {said}"},
    "documents": lambda asked, said: {"title": asked[:20], "body": f"{asked} {said}"},
    "segments": lambda asked, said: {
        "segments": [{"label": False, "text": asked}, {"label": True, "text": f" {said}</s>"}]
    },
}


def write(folder: Path, shape: str, samples: int, words: int = 20) -> Path:
    chance = random.Random(f"{shape} {samples}")
    path = folder / "train.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for _ in range(samples):
            asked, said = sentence(chance, chance.randint(5, words)), sentence(chance, chance.randint(5, words))
            file.write(json.dumps(SHAPES[shape](asked, said)) + "\n")
    return path


def draft(path: Path, model: str, machine: Machine) -> tuple[str, settings.Draft]:
    """The recipe beside a data set."""
    data = data_file.examine(path)
    wish = settings.Wish(data, path.name, None, model, model_facts.facts_of(model, path.parent), machine)
    lengths = data.lengths
    if model == DEMO_MODEL:
        counted = data_file.counted(path, context.of_recipe(path.with_name("recipe.yaml"), settings.sketch(wish)))
        assert counted is not None
        lengths = counted
    found = settings.draft(wish, lengths)
    return text.written(found, "a model", "some data"), found


def findings(written: str, path: Path, machine: Machine) -> list[Finding]:
    recipe = path.with_name("recipe.yaml")
    recipe.write_text(written, encoding="utf-8")
    source = RecipeSource(written, recipe, machine)
    return [
        one for one in judge(source, Sieve.of(recipe, source.recipe, recipe, None)) if one.severity >= Severity.WARNING
    ]


def said(found: list[Finding]) -> list[str]:
    return [f"{one.range.start.line + 1} {one.code} {one.message}" for one in found]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("samples", [60, 1500])
def test_data_of_all_kinds(tmp_path: Path, shape: str, samples: int):
    path = write(tmp_path, shape, samples)
    for model, machine in ((DEMO_MODEL, CPU), ("Qwen/Qwen2.5-1.5B-Instruct", fitting.gpu(16))):
        written, found = draft(path, model, machine)
        assert said(findings(written, path, machine)) == []
        assert recipes.from_mapping(yaml.safe_load(written), "it") == found.recipe


@pytest.mark.parametrize("samples", [10, 25, 200, 999, 1000, 3000])
def test_data_of_all_sizes(tmp_path: Path, samples: int):
    path = write(tmp_path, "chat", samples)
    for model, machine in ((DEMO_MODEL, CPU), ("microsoft/phi-2", fitting.gpu(24))):
        written, _ = draft(path, model, machine)
        assert said(findings(written, path, machine)) == []


@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter.id)
def test_every_starter(tmp_path: Path, starter: starter_models.Starter):
    path = write(tmp_path, "chat", 400, 120)
    for gigabytes in (8, 24):
        machine = fitting.gpu(gigabytes)
        try:
            written, _ = draft(path, starter.id, machine)
        except LintuneError as error:
            assert "smaller model" in str(error)
            assert starter.parameters > 2e9
            continue
        assert said(findings(written, path, machine)) == []


def test_a_long_training_without_a_gpu_is_cut_to_an_hour(tmp_path: Path):
    path = write(tmp_path, "chat", 12_000)
    written, found = draft(path, DEMO_MODEL, CPU)
    assert said(findings(written, path, CPU)) == []
    assert found.recipe.num_epochs < 1
    assert "without a GPU" in found.reasons["num_epochs"]
    assert found.estimate is not None
    assert found.estimate.seconds is not None
    assert 1800 < found.estimate.seconds.likely < 3600
    assert not found.recipe.lintune.train_on_save


def test_a_few_long_samples_do_not_make_all_batches_long(tmp_path: Path):
    path = write(tmp_path, "chat", 300)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(SHAPES["chat"]("Write a very long story.", "word " * 4000)) + "\n")
    _, found = draft(path, "Qwen/Qwen2.5-1.5B-Instruct", fitting.gpu(16))
    assert found.recipe.sequence_len < 512
    assert "1 samples are longer and left out" in found.reasons["sequence_len"]


def test_a_model_that_does_not_fit_is_refused(tmp_path: Path):
    path = write(tmp_path, "chat", 100)
    with pytest.raises(LintuneError, match=r"Qwen2.5-7B-Instruct takes about .* there are 4.0 GB. Choose a smaller"):
        draft(path, "Qwen/Qwen2.5-7B-Instruct", fitting.gpu(4))


def test_a_model_of_which_nothing_is_known(tmp_path: Path):
    path = write(tmp_path, "chat", 100)
    written, found = draft(path, "somebody/a-model", fitting.gpu(16))
    assert (found.recipe.micro_batch_size, found.recipe.gradient_checkpointing) == (2, True)
    assert "not known" in written


def test_suggestions():
    names = {task: models.suggestions(task, fitting.gpu(16))[0].id for task in Task}
    assert names[Task.CHAT] == "Qwen/Qwen3-4B-Instruct-2507"
    assert names[Task.EXTRACT] == "Qwen/Qwen2.5-1.5B-Instruct"
    assert names[Task.TEXT].endswith("-Base")
    assert models.suggestions(Task.WRITE, fitting.gpu(24))[0].id == "Qwen/Qwen2.5-7B-Instruct"
    for task in Task:
        (only,) = models.suggestions(task, CPU)
        assert only.parameters < 0.2e9
        for gigabytes in (1, 4, 8, 16, 24, 80):
            for starter in models.suggestions(task, fitting.gpu(gigabytes)):
                assert starter.licence in ("apache-2.0", "mit")
                assert starter.instruct == (task is not Task.TEXT)


def test_every_suggestion_is_a_starter():
    for names in models.SUGGESTED.values():
        assert all(starter_models.by_name(name) for name in names)


@pytest.mark.parametrize("shape", ["chat", "questions", "alpaca", "text"])
def test_estimated_lengths_are_rather_too_long(tmp_path: Path, shape: str):
    path = write(tmp_path, shape, 200, 100)
    data = data_file.examine(path)
    wish = settings.Wish(data, path.name, None, DEMO_MODEL, model_facts.facts_of(DEMO_MODEL, tmp_path), CPU)
    exact = data_file.counted(path, context.of_recipe(tmp_path / "recipe.yaml", settings.sketch(wish)))
    assert exact is not None
    assert exact.longest <= data.lengths.longest <= 2 * exact.longest


@pytest.mark.parametrize("name", ["smollm2", "llama3_2", "qwen3", "gemma3"])
def test_estimated_lengths_with_real_tokenizers(tmp_path: Path, name: str):
    pages = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "server/lintune_server/cli").glob("*.py"))]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    texts.append((ROOT / "examples" / "smart-home" / "data" / "train.jsonl").read_text(encoding="utf-8"))
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    estimated = data_file.examine(path).lengths
    tokenizer = tokenizers.load(name).tokenizer
    exact = [len(encoded.ids) for encoded in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    assert max(exact) <= estimated.longest
    assert sum(exact) <= estimated.total <= 1.6 * sum(exact)
