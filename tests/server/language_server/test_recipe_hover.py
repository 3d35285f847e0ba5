"""The hover of keys and values of a recipe."""

from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECIPE = """\
# 😀 A recipe
base_model: smollm2-135m-instruct
adapter: lora
datasets:
  - path: train.jsonl
lora_target_modules: ["q_proj", v_proj]
micro_batch_size: 4
gradient_accumulation_steps: 2
learning_rate: 2.0e-4
lr_scheduler: one_cycle
special_tokens: {"pad_token": "😀", eos_token: x}
flash_attention: true
lintune:
  export: {gguf: [q8_0]}
  lint: {ignore: [DS, QL408, DS50]}
"""


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


async def hover(editor: Editor, path: Path, words: str) -> tuple[str, str] | None:
    """The text, and what it is about, with the pointer on the last of these words."""
    text = editor.text(path)
    at = text.index(words) + len(words) - 1
    line, start = text.count("\n", 0, at), text.rfind("\n", 0, at) + 1
    column = len(text[start:at].encode("utf-16-le")) // 2
    found = await editor.client.text_document_hover_async(
        types.HoverParams(types.TextDocumentIdentifier(path.as_uri()), types.Position(line, column))
    )
    if found is None:
        return None
    assert isinstance(found.contents, types.MarkupContent)
    assert found.range
    units = text.split("\n")[line].encode("utf-16-le")
    about = units[2 * found.range.start.character : 2 * found.range.end.character].decode("utf-16-le")
    return found.contents.value, about


@pytest.fixture
async def recipe(editor: Editor, workspace: Path) -> Path:
    path = workspace / "recipe.yaml"
    editor.open(path, RECIPE)
    return path


async def test_a_key_says_what_it_is(editor: Editor, recipe: Path) -> None:
    found = await hover(editor, recipe, "\nlearning_rate")
    assert found
    page, about = found
    assert about == "learning_rate"
    assert page.startswith("**`learning_rate`**\n\n")
    assert "number · default `0.0002`" in page
    found = await hover(editor, recipe, "\n  export")
    assert found
    assert found[0].startswith("**`lintune.export`**")


async def test_a_key_that_is_not_carried_out_or_deprecated_says_so(editor: Editor, recipe: Path) -> None:
    found = await hover(editor, recipe, "special_tokens")
    assert found
    assert "The built-in trainer does not carry it out; Axolotl does." in found[0]
    found = await hover(editor, recipe, "flash_attention")
    assert found
    assert "**Deprecated**: write `attn_implementation` instead." in found[0]


@pytest.mark.parametrize(
    ("words", "about", "said"),
    [
        ("base_model: smollm2", "smollm2-135m-instruct", "**0.135B parameters** · context of 8,192 tokens"),
        ("base_model: smollm2", "smollm2-135m-instruct", "with QLoRA, in 4 bits: fits on 8, 16 and 24 GB"),
        ("micro_batch_size: 4", "4", "Each step learns from 4 × 2 = 8 samples."),
        ("learning_rate: 2", "2.0e-4", "That is 0.0002."),
        ("one_cycle", "one_cycle", "The built-in trainer does not carry out `one_cycle`; Axolotl does."),
        ('modules: ["q', '"q_proj"', "576 × 576 in each of 30 layers"),
        ("v_proj", "v_proj", "576 × 192 in each of 30 layers"),
        ("gguf: [q8", "q8_0", "About 8.5 bits a parameter: a file of about 136 MB."),
        ("QL408", "QL408", "**QL408 "),
        ("ignore: [DS", "DS", "All rules of the family *The data set as a whole*."),
        ("DS50", "DS50", "Stands for DS501, DS502"),
        ('"pad_token": "😀', '"😀"', "`special_tokens.pad_token`"),
    ],
)
async def test_a_value_says_what_it_amounts_to(editor: Editor, recipe: Path, words: str, about: str, said: str) -> None:
    found = await hover(editor, recipe, words)
    assert found
    assert found[1] == about
    assert said in found[0]


async def test_a_data_set_in_numbers_once_it_is_read(editor: Editor, recipe: Path) -> None:
    page = await editor.hover_until(recipe, 4, "learned", column=12)
    assert "**2 samples** · chat · 72 tokens, 4 learned · the longest has 36" in page


async def test_it_works_while_the_text_is_no_yaml(editor: Editor, recipe: Path) -> None:
    editor.replace(recipe, "lintune:", "lintune: [")
    found = await hover(editor, recipe, "learning_rate: 2")
    assert found
    assert found[1] == "2.0e-4"


async def test_no_hover_where_nothing_stands(editor: Editor, recipe: Path, workspace: Path) -> None:
    assert await hover(editor, recipe, "# 😀 A") is None
    other = workspace / "other.yaml"
    editor.open(other, "adapter: lora\n")
    assert await hover(editor, other, "adapter") is None
    assert await editor.hover(recipe, 400) is None
