"""Model families: small random weights under the real config classes, with the real tokenizers.

Each learns by QLoRA, from the labels that the hover shows.
"""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from lintune_schemas import base_model, events, model_files, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.chat import IGNORED_LABEL
from lintune_schemas.events import Evaluation, Progress
from lintune_schemas.plan import plan
from lintune_schemas.runs import DatasetLock
from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter
from lintune_trainer import data, export, models, training
from lintune_trainer.device import Device
from lintune_trainer.job import HeldModel, Job
from lintune_trainer.run import create
from tests import tokenizers

pytestmark = pytest.mark.long

CPU = Device("cpu", "CPU", torch.float32)

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
_GEMMA = {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 16}
_LLAMA_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 32.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 128,
}


class Family(NamedTuple):
    architecture: str
    own: dict[str, Any]
    """What its configuration has that others have not."""
    end: str
    """The token that ends a turn."""
    matrices: int = 7
    """Linear ones, in a layer."""


FAMILIES = {
    "llama3_2": Family("llama", {"tie_word_embeddings": True, "rope_parameters": _LLAMA_ROPE}, "<|eot_id|>"),
    "qwen2_5": Family("qwen2", {"tie_word_embeddings": True}, "<|im_end|>"),
    "qwen3": Family("qwen3", {"tie_word_embeddings": True, "head_dim": 32}, "<|im_end|>"),
    "gemma2": Family("gemma2", _GEMMA, "<end_of_turn>"),
    "gemma3": Family(
        "gemma3_text", {**_GEMMA, "layer_types": ["sliding_attention", "full_attention"]}, "<end_of_turn>"
    ),
    # Queries, keys and values are one matrix, gate and up another.
    "phi3": Family("phi3", {}, "<|end|>", matrices=4),
}
"""By the names of tokenizers."""

NO_THOUGHTS = "<think>\n\n</think>\n\n"
"""Qwen 3's template writes so before a last answer that comes without thoughts; the model learns to write it, too."""

CHATS = [
    [("user", "Kitchen lamp on, please."), ("assistant", '{"lamp":"kitchen","set":"on"}')],
    [("user", "Hall?"), ("assistant", "Off."), ("user", "On, s'il te plaît! 💡"), ("assistant", "Voilà: on.\n\nBye.")],
    [("user", "  Desk to 35."), ("assistant", "35 %, done")],
    [("user", "灯"), ("assistant", "开"), ("user", "<b>&amp;</b>"), ("assistant", "\ttabs and  spaces")],
]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def workspace(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe, a data set and a model of the family."""
    this, folder = FAMILIES[family], tmp_path_factory.mktemp(family)
    _write_tokenizer(family, folder / "model")
    chat = model_files.load_tokenizer_folder(folder / "model")
    size = chat.tokenizer.get_vocab_size(with_added_tokens=True)
    torch.manual_seed(0)
    config = AutoConfig.for_model(this.architecture, **{**SIZES, **this.own, "vocab_size": size, "pad_token_id": 0})
    AutoModelForCausalLM.from_config(config).save_pretrained(folder / "model")
    lines = ({"messages": [{"role": role, "content": text} for role, text in turns]} for turns in CHATS)
    (folder / "train.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    recipe = {
        "base_model": "./model",
        "adapter": "qlora",
        "load_in_4bit": True,
        "lora_target_linear": True,
        "datasets": [{"path": "train.jsonl"}],
        "test_datasets": [{"path": "train.jsonl"}],
        "learning_rate": 0.01,
        "micro_batch_size": 2,
        "num_epochs": 5,
        "eval_steps": 5,
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    return folder


def _write_tokenizer(family: str, folder: Path) -> None:
    folder.mkdir()
    source = tokenizers.folder("llama2" if family == "phi3" else family)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(source / name, folder / name)
    if family == "gemma2":
        (folder / "chat_template.jinja").write_text(
            "{{ bos_token }}{% for message in messages %}"
            "{{ '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n' }}"
            "{{ message.content | trim + '<end_of_turn>\\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
        )
    if family == "phi3":
        _make_phi3(folder)


def _make_phi3(folder: Path) -> None:
    """Phi-3's tokenizer is Llama 2's with eleven tokens more, which swallow white space behind them."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    names = ["endoftext", "assistant", *(f"placeholder{number}" for number in range(1, 5)), "system", "end"]
    names += ["placeholder5", "placeholder6", "user"]
    tokenizer["added_tokens"] += [
        {
            "id": id_,
            "content": f"<|{name}|>",
            "single_word": False,
            "lstrip": False,
            "rstrip": name != "endoftext",
            "normalized": False,
            "special": True,
        }
        for id_, name in enumerate(names, start=32000)
    ]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = {"bos_token": "<s>", "eos_token": "<|endoftext|>", "add_bos_token": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text(
        "{% for message in messages %}{{ '<|' + message.role + '|>\\n' + message.content + '<|end|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
    )


@pytest.fixture(scope="module")
def job(workspace: Path) -> Job:
    """The training that the recipe asks for."""
    recipe = recipes.load(workspace / "recipe.yaml")
    chat = model_files.load_tokenizer(base_model.find(recipe.base_model, workspace))
    train, evaluation = data.tokenize(data.read(recipe, workspace), recipe, chat, pytest.fail)
    return Job(
        run=create(recipe, workspace, DatasetLock("0" * 16), lambda _: None),
        recipe=recipe,
        recipe_path=workspace / "recipe.yaml",
        weights=workspace / "model",
        model=HeldModel(workspace / "model", recipe, CPU),
        train=train,
        evaluation=evaluation,
        plan=plan(recipe, len(train)),
        device=CPU,
        checkpoint=None,
        adapter=None,
    )


def test_labels_are_what_the_hover_shows(family: str, workspace: Path, job: Job) -> None:
    path = workspace / "train.jsonl"
    text = path.read_text(encoding="utf-8")
    linter = DatasetLinter(path, context_for(path))
    linter.check(text)
    chat = model_files.load_tokenizer_folder(workspace / "model")
    end = FAMILIES[family].end
    for line, sample, turns in zip(text.splitlines(), job.train, CHATS, strict=True):
        inspection = linter.inspect(line)
        assert inspection is not None and inspection.tokenized is not None
        assert (list(sample.ids), list(sample.labels)) == (
            list(inspection.tokenized.ids),
            inspection.tokenized.labels,
        )
        learned = chat.tokenizer.decode(
            [label for label in sample.labels if label != IGNORED_LABEL], skip_special_tokens=False
        )
        answers = [answer for role, answer in turns if role == "assistant"]
        if family == "qwen3":  # writes earlier answers otherwise once more follows, which TK209 says: not learned
            answers = answers[-1:]
        written = [part.removeprefix(NO_THOUGHTS).strip() for part in learned.split(end)]
        assert written == [*(answer.strip() for answer in answers), ""]


def test_qlora_learns(family: str, job: Job) -> None:
    base = job.model.base()
    before = training.score(base, job.train, job.recipe, job.recipe_path.parent)
    training.fine_tune(job)
    folder = export.adapter_folder(job.run.folder)
    tuned = job.model.tuned(folder)
    reported = list(events.read(job.run.folder / runs.EVENTS))
    losses = [event.loss for event in reported if isinstance(event, Progress)]
    assert len(losses) == 10
    assert max(losses[-2:]) < min(losses[:2]) - 0.2
    after = training.score(tuned, job.train, job.recipe, job.recipe_path.parent)
    assert after.loss < before.loss - 0.2
    assert [event.step for event in reported if isinstance(event, Evaluation)] == [5]
    adapted = [name for name, weights in tuned.named_parameters() if weights.requires_grad and "lora_A" in name]
    assert len(adapted) == 2 * FAMILIES[family].matrices


def test_what_is_merged_is_what_was_trained(workspace: Path, job: Job, tmp_path: Path) -> None:
    """The base model's own weights with the adapter, as far as those are from its weights in 4 bits."""
    chat = model_files.load_tokenizer_folder(workspace / "model")
    adapter = export.adapter_folder(job.run.folder)
    export.merge(workspace / "model", adapter, workspace / "model", chat, tmp_path / "merged")

    def score(model: Any) -> float:
        return training.score(model, job.train, job.recipe, workspace).loss

    merged = score(models.load(tmp_path / "merged", torch.float32))
    assert merged == pytest.approx(score(job.model.tuned(adapter)), abs=0.1)
    assert merged < score(models.load(workspace / "model", torch.float32)) - 0.2
