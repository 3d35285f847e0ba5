"""The real Gemma 3 270M, a base model without a chat template, learns by QLoRA from prompts and completions."""

import json
from pathlib import Path

import orjson
import pytest

from lintune_schemas.events import Progress, RunFinished, RunStarted

from .families import real_gemma
from .trainer_process import LAMPS, only_run, train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model, made once."""
    return real_gemma(tmp_path_factory.mktemp("gemma"))


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
    assert max(event.memory_bytes for event in ended.of(Progress)) < 3e9
    assert isinstance(ended.last, RunFinished)
    assert (only_run(tmp_path) / "adapter" / "adapter_model.safetensors").is_file()
