"""Symbols, folding and selection ranges of recipes."""

from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECIPE = """\
base_model: smollm2-135m-instruct  # the demo
datasets:
  - path: 😀.jsonl
    type: alpaca

  - {path: "b.jsonl"}
chat_template_jinja: |
  {{ messages }}

  key: value
lora_target_modules: [
  q_proj,
]
lintune:
  lint:
    ignore: [QL408, "DS"]
"""


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


@pytest.fixture
async def recipe(editor: Editor, workspace: Path) -> Path:
    path = workspace / "recipe.yaml"
    editor.open(path, RECIPE)
    return path


def texts(range_: types.Range) -> str:
    """What of the recipe a range is, its places counted in UTF-16."""
    lines = [line.encode("utf-16-le") for line in RECIPE.split("\n")]
    first, last = range_.start.line, range_.end.line
    lines[last] = lines[last][: 2 * range_.end.character]
    lines[first] = lines[first][2 * range_.start.character :]
    return "\n".join(line.decode("utf-16-le") for line in lines[first : last + 1])


def tree(symbols: list[types.DocumentSymbol], depth: int = 0) -> list[str]:
    rows = []
    for symbol in symbols:
        assert symbol.range.start <= symbol.selection_range.start
        assert symbol.selection_range.end <= symbol.range.end
        for child in symbol.children or ():
            assert symbol.range.start <= child.range.start
            assert child.range.end <= symbol.range.end
        rows.append(f"{'  ' * depth}{symbol.name} {symbol.detail}".rstrip())
        rows += tree(list(symbol.children or ()), depth + 1)
    return rows


async def test_symbols(editor: Editor, recipe: Path) -> None:
    found = await editor.client.text_document_document_symbol_async(
        types.DocumentSymbolParams(types.TextDocumentIdentifier(recipe.as_uri()))
    )
    symbols = [one for one in found or () if isinstance(one, types.DocumentSymbol)]
    assert tree(symbols) == [
        "base_model smollm2-135m-instruct",
        "datasets",
        "  😀.jsonl",
        "    path 😀.jsonl",
        "    type alpaca",
        "  b.jsonl",
        "    path b.jsonl",
        "chat_template_jinja",
        "lora_target_modules",
        "  q_proj",
        "lintune",
        "  lint",
        "    ignore",
        "      QL408",
        "      DS",
    ]
    assert texts(symbols[1].range).endswith('- {path: "b.jsonl"}')
    assert texts(symbols[1].selection_range) == "datasets"


async def test_folding(editor: Editor, recipe: Path) -> None:
    found = await editor.client.text_document_folding_range_async(
        types.FoldingRangeParams(types.TextDocumentIdentifier(recipe.as_uri()))
    )
    assert [(fold.start_line, fold.end_line) for fold in found or ()] == [
        (1, 5),
        (2, 3),
        (6, 9),
        (10, 12),
        (13, 15),
        (14, 15),
    ]


async def test_selections(editor: Editor, recipe: Path) -> None:
    found = await editor.client.text_document_selection_range_async(
        types.SelectionRangeParams(
            types.TextDocumentIdentifier(recipe.as_uri()), [types.Position(15, 22), types.Position(99, 0)]
        )
    )
    assert found
    steps = []
    step: types.SelectionRange | None = found[0]
    while step is not None:
        steps.append(texts(step.range))
        step = step.parent
    lint = 'lint:\n    ignore: [QL408, "DS"]'
    assert steps == ["DS", '"DS"', 'ignore: [QL408, "DS"]', lint, f"lintune:\n  {lint}", RECIPE]


async def test_while_it_is_no_yaml(editor: Editor, workspace: Path) -> None:
    path = workspace / "recipe.yaml"
    editor.open(path, "base_model: x\ndatasets: [\n  {path: a\nlora_r\nlintune:\n  lint: {ignore: ['a")
    found = await editor.client.text_document_document_symbol_async(
        types.DocumentSymbolParams(types.TextDocumentIdentifier(path.as_uri()))
    )
    names = [one.name for one in found or ()]
    assert names[:2] == ["base_model", "datasets"]
    assert "lintune" in names
