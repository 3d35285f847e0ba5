"""Lenses on recipes and samples."""

import asyncio
import re
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
    assert (await editor.lenses(recipe))[0] == (0, "Train", "lintune.train")
    other = workspace / "compose.yaml"
    editor.open(other, "services: {}\n")
    assert await editor.lenses(other) == []


async def estimate(editor: Editor, recipe: Path, pattern: str) -> str:
    """The title of the second lens, once it is one that matches."""
    async with asyncio.timeout(editor.patience):
        while True:
            found = [title for _, title, command in await editor.lenses(recipe) if command == "lintune.estimate"]
            if found and re.search(pattern, found[0]):
                return found[0]
            await asyncio.sleep(0.05)


async def test_what_a_training_takes(editor: Editor, workspace: Path) -> None:
    recipe = workspace / "recipe.yaml"
    editor.open(recipe)
    title = await estimate(editor, recipe, "memory")
    assert re.fullmatch(r"2 samples · 72 tokens · 2 steps · about .+ · .+ memory", title)
    page = await editor.command("lintune.estimate", recipe.as_uri())
    assert page.startswith("A training reads 2 samples, 72 tokens, 2 steps.\nIt takes ")
    assert "framework" in page
    await editor.until_said("At its peak it needs")


async def test_the_estimate_follows_the_text_and_the_files(editor: Editor, workspace: Path) -> None:
    recipe, data = workspace / "recipe.yaml", workspace / "train.jsonl"
    editor.open(recipe)
    await estimate(editor, recipe, "^2 samples · ")
    editor.replace(recipe, "sequence_len: 256", "num_epochs: 3")
    await estimate(editor, recipe, "^2 samples × 3 · 216 tokens · 6 steps")
    editor.open(data)
    editor.replace(
        data, '{"role": "assistant", "content": "OFF"}]}', '{"role": "assistant", "content": "OFF, and out"}]}'
    )
    editor.save(data)
    await estimate(editor, recipe, "^2 samples × 3 · 225 tokens")


async def test_a_large_data_set_is_counted_elsewhere(editor: Editor, workspace: Path) -> None:
    recipe = workspace / "recipe.yaml"
    sample = (workspace / "train.jsonl").read_text().splitlines()[0]
    (workspace / "train.jsonl").write_text("".join(sample.replace("Lamp", f"Lamp {n}") + "\n" for n in range(8_000)))
    editor.open(recipe)
    title = await estimate(editor, recipe, "samples")
    assert re.fullmatch(r"8,000 samples · 326,890 tokens · 8,000 steps · about .+ · .+ memory", title)


@pytest.mark.parametrize(
    ("recipe", "title"),
    [
        ("lora_r: 8\n", "No estimate: there is no base_model yet"),
        ("", "No estimate: there is no base_model yet"),
        ("base_model: [\n", "No estimate: "),
        ("base_model: no/where\ndatasets:\n  - path: no.jsonl\n", "No estimate: there is no no.jsonl here"),
        (
            "base_model: no/where\ndatasets:\n  - path: train.jsonl\n",
            "2 samples · 2 steps · no/where is not on this machine",
        ),
        ("base_model: smollm2-135m-instruct\n", "memory · no data sets yet"),
        ("base_model: smollm2-135m-instruct\ndatasets:\n  - path: 'a\\0b'\n", "memory · "),
    ],
)
async def test_why_there_is_no_estimate(editor: Editor, workspace: Path, recipe: str, title: str) -> None:
    path = workspace / "other.recipe.yaml"
    editor.open(path, recipe)
    await estimate(editor, path, re.escape(title))


async def test_ask_on_each_sample(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, '{"prompt": "a", "completion": "b"}\n\n{"prompt": "c", "completion": "d"}\n')
    ask = ("Ask tuned model", "lintune.ask")
    assert await editor.lenses(path) == [(0, *ask), (2, *ask)]


async def test_a_large_file_has_a_bounded_number(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, '{"prompt": "a", "completion": "b"}\n' * 2_000)
    assert len(await editor.lenses(path)) == 500
