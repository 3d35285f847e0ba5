"""A model that cannot fit blocks every training before it begins; a recipe can say to try it all the same."""

import json
from pathlib import Path

import pytest

from .editor import Editor
from .trainings import count_runs

pytestmark = [pytest.mark.usefixtures("scripted_trainer"), pytest.mark.long]

CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 128_256,
    "hidden_size": 16_384,
    "intermediate_size": 53_248,
    "num_hidden_layers": 126,
    "num_attention_heads": 128,
    "num_key_value_heads": 8,
}
"""Llama 3.1 405B: in 16 bits 800 GB."""

SAYS = "Not trained: recipe.yaml:1 HW701 The training takes about"
WAY_PAST = "To train all the same, write lintune.lint.ignore: [HW701] in the recipe."


@pytest.fixture
def recipe(workspace: Path) -> Path:
    model = workspace / "huge"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(CONFIG))
    path = workspace / "recipe.yaml"
    path.write_text(path.read_text().replace("smollm2-135m-instruct", "./huge"))
    return path


async def test_it_blocks_saves_and_hands(new_editor: Editor, workspace: Path, recipe: Path) -> None:
    await new_editor.start(workspace)
    await new_editor.until_status("untrained")
    assert await new_editor.command("lintune.train", recipe.as_uri()) is True
    failed = await new_editor.until_status("failed")
    assert failed.detail.startswith(SAYS)
    assert failed.detail.endswith(WAY_PAST)
    assert new_editor.shown == [failed.detail]
    data = workspace / "train.jsonl"
    data.write_text(data.read_text().replace('"ON"', '"on"'))
    blocked = await new_editor.until_status("untrained", after=len(new_editor.statuses), detail=SAYS)
    assert "HW701" in blocked.detail
    assert count_runs(workspace) == 0
    recipe.write_text(recipe.read_text().replace("ignore: [DS]", "ignore: [DS, HW701, TK]"))
    assert await new_editor.command("lintune.train", recipe.as_uri()) is True
    await new_editor.until_status("ready")
    assert count_runs(workspace) >= 1
