"""Links and definitions between a recipe, its data sets and its base model."""

from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECIPE = """\
# 😀
base_model: models/mine
datasets:
  - path: train.jsonl
  - {path: "train.jsonl", type: alpaca}
  - path: gone.jsonl
test_datasets: [{x: 😀, path: train.jsonl}]
"""


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


@pytest.fixture
async def recipe(editor: Editor, workspace: Path) -> Path:
    folder = workspace / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    path = workspace / "recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    editor.open(path)
    return path


async def links(editor: Editor, path: Path) -> list[tuple[int, int, int, str]]:
    """Line, from, to, and where it leads."""
    found = await editor.client.text_document_document_link_async(
        types.DocumentLinkParams(types.TextDocumentIdentifier(path.as_uri()))
    )
    return [
        (link.range.start.line, link.range.start.character, link.range.end.character, link.target or "")
        for link in found or []
    ]


async def definition(editor: Editor, path: Path, line: int, column: int) -> tuple[str, int, int] | None:
    found = await editor.client.text_document_definition_async(
        types.DefinitionParams(types.TextDocumentIdentifier(path.as_uri()), types.Position(line, column))
    )
    if found is None:
        return None
    assert isinstance(found, types.Location)
    return found.uri, found.range.start.line, found.range.start.character


async def test_links_to_what_is_there(editor: Editor, recipe: Path) -> None:
    data = (recipe.parent / "train.jsonl").as_uri()
    config = (recipe.parent / "models" / "mine" / "config.json").as_uri()
    assert await links(editor, recipe) == [
        (1, 12, 23, config),
        (3, 10, 21, data),
        (4, 11, 24, data),
        (6, 30, 41, data),
    ]


async def test_links_to_models_that_are_elsewhere(editor: Editor, recipe: Path) -> None:
    editor.replace(recipe, "models/mine", "Qwen/Qwen2.5-0.5B")
    assert (await links(editor, recipe))[0] == (1, 12, 29, "https://huggingface.co/Qwen/Qwen2.5-0.5B")
    editor.replace(recipe, "Qwen/Qwen2.5-0.5B", "smollm2-135m-instruct")
    assert (await links(editor, recipe))[0][3].endswith(".gguf")
    editor.replace(recipe, "smollm2-135m-instruct", "no/where")
    assert (await links(editor, recipe))[0][0] == 3


async def test_from_the_recipe_to_the_file(editor: Editor, recipe: Path) -> None:
    data = (recipe.parent / "train.jsonl").as_uri()
    assert await definition(editor, recipe, 3, 12) == (data, 0, 0)
    assert await definition(editor, recipe, 6, 35) == (data, 0, 0)
    assert await definition(editor, recipe, 1, 14) == (
        (recipe.parent / "models" / "mine" / "config.json").as_uri(),
        0,
        0,
    )
    for line, column in ((5, 12), (0, 2), (2, 3), (99, 0)):
        assert await definition(editor, recipe, line, column) is None


async def test_from_a_sample_to_the_entry_of_its_recipe(editor: Editor, recipe: Path) -> None:
    data = recipe.parent / "train.jsonl"
    editor.open(data)
    assert await definition(editor, data, 1, 20) == (recipe.as_uri(), 3, 10)
    editor.replace(recipe, "- path: train.jsonl", "- path: other.jsonl")
    assert await definition(editor, data, 0, 0) == (recipe.as_uri(), 4, 11), "as the recipe is in the editor"
    editor.close(recipe)
    assert await definition(editor, data, 0, 0) == (recipe.as_uri(), 3, 10), "as it is on disk"


async def test_documents_without_links(editor: Editor, recipe: Path, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere" / "a.jsonl"
    editor.open(alone, "{}\n")
    assert await definition(editor, alone, 0, 0) is None
    assert await links(editor, alone) == []
    other = recipe.parent / "compose.yaml"
    editor.open(other, "services: {}\n")
    assert await links(editor, other) == []
    editor.open(recipe, 'base_model: "\ndatasets:\n  - path: "a\\0b"\n  - path: [')
    assert await links(editor, recipe) == []
