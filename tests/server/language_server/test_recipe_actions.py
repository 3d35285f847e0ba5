"""Fixes of what is found in recipes, taken as an editor takes them."""

from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECIPE = """\
base_model: smollm2-135m-instruct
datasets: [{x-😀: 1, path: train.jsonl}]
adapter: lora
lora_alhpa: 16
learning_rate: "2e-4"
lintune: {lint: {ignore: [DS, RC604, RC607, RC616, RC617, RC622, HW]}}
"""


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


def applied(text: str, edit: types.TextEdit) -> str:
    """The text after an edit on one line, whose columns count UTF-16."""
    lines = text.splitlines(keepends=True)
    start, end = edit.range.start, edit.range.end
    units = lines[start.line].encode("utf-16-le")
    changed = units[: 2 * start.character] + edit.new_text.encode("utf-16-le") + units[2 * end.character :]
    lines[start.line] = changed.decode("utf-16-le")
    return "".join(lines)


@pytest.mark.parametrize(
    ("line", "before", "after"),
    [
        (3, "lora_alhpa: 16", "lora_alpha: 16"),
        (4, 'learning_rate: "2e-4"', "learning_rate: 2.0e-4"),
    ],
)
async def test_a_fix_mends_the_recipe(editor: Editor, workspace: Path, line: int, before: str, after: str) -> None:
    recipe = workspace / "recipe.yaml"
    editor.open(recipe, RECIPE)
    place = types.Range(types.Position(line, 0), types.Position(line, 50))
    actions = await editor.actions(recipe, place, only=["quickfix"])
    fixes = [action for action in actions if action.edit and action.edit.document_changes and action.is_preferred]
    assert fixes, [action.title for action in actions]
    change = fixes[0].edit.document_changes[0] if fixes[0].edit and fixes[0].edit.document_changes else None
    assert isinstance(change, types.TextDocumentEdit)
    (edit,) = change.edits
    assert isinstance(edit, types.TextEdit)
    assert applied(RECIPE, edit) == RECIPE.replace(before, after)
