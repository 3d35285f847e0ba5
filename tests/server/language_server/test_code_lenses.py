"""Lenses on recipes and samples."""

from pathlib import Path

import pytest

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


async def test_train_on_a_recipe(editor: Editor, workspace: Path) -> None:
    recipe = workspace / "recipe.yaml"
    editor.open(recipe)
    assert await editor.lenses(recipe) == [(0, "Train", "lintune.train")]
    other = workspace / "compose.yaml"
    editor.open(other, "services: {}\n")
    assert await editor.lenses(other) == []


async def test_ask_on_each_sample(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, '{"prompt": "a", "completion": "b"}\n\n{"prompt": "c", "completion": "d"}\n')
    ask = ("Ask tuned model", "lintune.ask")
    assert await editor.lenses(path) == [(0, *ask), (2, *ask)]


async def test_a_large_file_has_a_bounded_number(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, '{"prompt": "a", "completion": "b"}\n' * 2_000)
    assert len(await editor.lenses(path)) == 500
