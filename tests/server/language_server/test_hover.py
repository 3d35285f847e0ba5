"""The hover of a sample, with the demo model's real tokenizer and chat template."""

from pathlib import Path

import pytest

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


FIRST_SAMPLE = """\
**Sample on line 1** · chat · 2 messages · **36 of 256 tokens** · 2 learned

Tokens: user 29 · assistant 7 (learned)

What the model sees; between ⟦ ⟧ what it learns to write
```text
<|im_start|>system
You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
<|im_start|>user
Lamp on<|im_end|>
<|im_start|>assistant
⟦ON<|im_end|>⟧

```"""


async def test_tokens_template_and_what_is_learned(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path)
    assert await editor.hover_until(path, 0, "Sample") == FIRST_SAMPLE


async def test_a_sample_that_is_too_long_says_so(editor: Editor, workspace: Path) -> None:
    recipe = workspace / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("sequence_len: 256", "sequence_len: 20"))
    path = workspace / "train.jsonl"
    editor.open(path)
    assert "**36 of 20 tokens** — **too long**" in await editor.hover_until(path, 0, "Sample")


async def test_a_saved_recipe_is_seen_at_once(editor: Editor, workspace: Path) -> None:
    recipe, path = workspace / "recipe.yaml", workspace / "train.jsonl"
    editor.open(path)
    editor.open(recipe)
    await editor.hover_until(path, 0, "36 of 256")
    editor.replace(recipe, "train_on_save: true", "train_on_save: false")
    editor.replace(recipe, "256", "128")
    editor.save(recipe)
    await editor.hover_until(path, 0, "36 of 128")


async def test_unsaved_edits_are_what_is_shown(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path)
    editor.replace(path, '"ON"', '"O```N"')
    text = await editor.hover_until(path, 0, "Sample")
    assert "⟦O```N<|im_end|>⟧" in text
    assert "````text\n" in text, "a fence longer than the backticks inside"


async def test_without_a_recipe_there_are_no_tokens_and_it_says_why(
    editor: Editor, workspace: Path, tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere" / "a.jsonl"
    editor.open(path, '{"prompt": "a", "completion": "b"}\n')
    text = await editor.hover_until(path, 0, "Sample")
    assert text.startswith("**Sample on line 1** · prompt-completion · 2 messages\n\n*")
    assert "recipe" in text


async def test_keys_that_the_recipe_names(editor: Editor, workspace: Path) -> None:
    recipe, path = workspace / "recipe.yaml", workspace / "train.jsonl"
    keys = "    type: {field_instruction: question, field_output: reply}\n"
    recipe.write_text(recipe.read_text().replace("path: train.jsonl\n", f"path: train.jsonl\n{keys}"))
    editor.open(path, '{"question": "a", "reply": "b"}\n')
    assert "alpaca · 2 messages" in await editor.hover_until(path, 0, "Sample")


async def test_no_hover_where_there_is_no_sample(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, "\n{broken\n[]\n")
    assert [await editor.hover(path, line) for line in range(4)] == [None] * 4
    other = workspace / "compose.yaml"
    editor.open(other, "services: {}\n")
    assert await editor.hover(other, 0) is None
