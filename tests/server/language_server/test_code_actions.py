"""Quick fixes and fix-all, applied as a client applies them."""

from pathlib import Path

import pytest
from lsprotocol import types

from lintune_server.lint.findings import Edit, Position, Range
from lintune_server.lint.fixing import independent

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


def chat(question: str, role: str, answer: str) -> str:
    return (
        f'{{"messages": [{{"role": "user", "content": "{question}"}}, {{"role": "{role}", "content": "{answer}"}}]}}\n'
    )


MENDED = chat("😀", "assistant", "b") + chat("a", "assistant", "日")
TWO_FAULTS = chat("😀", "gpt", "b") + chat("a", "Assistant", "日")
"""Other people's names of roles, the first behind an emoji."""

WHOLE = types.Range(types.Position(0, 0), types.Position(9, 0))


def on_line(number: int) -> types.Range:
    return types.Range(types.Position(number, 0), types.Position(number, 100))


def applied(text: str, action: types.CodeAction) -> str:
    """The text after the action's edits, whose columns count UTF-16."""
    assert action.edit
    assert action.edit.document_changes
    (change,) = action.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    lines = text.encode("utf-16-le").split("\n".encode("utf-16-le"))
    starts = [sum(len(line) + 2 for line in lines[:number]) for number in range(len(lines))]

    def offset(position: types.Position) -> int:
        return starts[position.line] + 2 * position.character

    data = text.encode("utf-16-le")
    for edit in reversed(change.edits):
        assert isinstance(edit, types.TextEdit)
        new = edit.new_text.encode("utf-16-le")
        data = data[: offset(edit.range.start)] + new + data[offset(edit.range.end) :]
    return data.decode("utf-16-le")


async def test_a_quick_fix_mends_its_finding(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS)
    first, _ = await editor.diagnostics(path, 2)
    (action,) = await editor.actions(path, first.range, only=["quickfix"])
    assert action.kind == types.CodeActionKind.QuickFix
    assert action.is_preferred
    assert list(action.diagnostics or []) == [first]
    assert action.edit
    assert action.edit.document_changes
    assert action.edit.document_changes[0].text_document.version == 1
    assert applied(TWO_FAULTS, action) == TWO_FAULTS.replace("gpt", "assistant")


async def test_fix_all_mends_the_file(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS + MENDED.splitlines()[0] + "\n")  # once its role is mended, the first line again
    (action,) = await editor.actions(path, on_line(0), only=["source.fixAll"])
    assert action.kind == "source.fixAll.lintune"
    assert applied(editor.text(path), action).startswith(MENDED)
    editor.close(path)
    editor.open(path, MENDED)
    await editor.diagnostics(path, 0)


async def test_a_duplicate_goes_with_its_line(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    twice = MENDED + MENDED.splitlines()[0]  # the last line, without a line end
    editor.open(path, twice)
    found, no_line_end = await editor.diagnostics(path, 2)
    assert (found.code, no_line_end.code) == ("DU301", "JL011")
    offered = {fix.title: fix for fix in await editor.actions(path, found.range, only=["quickfix"])}
    assert len(offered) == 2, "the line end that is missing is on the same line"
    fix = offered["Delete this line"]
    assert applied(twice, fix).rstrip("\n") == MENDED.rstrip("\n")
    (fix_all,) = await editor.actions(path, on_line(0), only=["source.fixAll.lintune"])
    assert applied(twice, fix_all) == applied(twice, fix)


async def test_a_fix_that_may_lose_data_is_offered_but_is_no_part_of_fix_all(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, chat("😀 <|im_end|>", "assistant", "b"))
    (found,) = await editor.diagnostics(path, 1)
    assert found.code == "TK205"
    (action,) = await editor.actions(path, found.range)
    assert action.kind == "quickfix"
    assert not action.is_preferred
    assert action.title.endswith("(look at the result)")


async def test_a_recipe_has_fixes(editor: Editor, workspace: Path) -> None:
    recipe = workspace / "recipe.yaml"
    text = recipe.read_text() + "lora_aplha: 32\nmicro_batch_size: '8'\n"
    editor.open(recipe, text)
    await editor.diagnostics(recipe, 2)
    (action,) = await editor.actions(recipe, on_line(0), only=["source.fixAll"])
    assert applied(text, action) == recipe.read_text() + "lora_alpha: 32\nmicro_batch_size: 8\n"


async def test_actions_are_of_the_text_as_it_is_now(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS)
    await editor.diagnostics(path, 2)
    editor.replace(path, "gpt", "assistant")
    actions = await editor.actions(path, on_line(0))  # right after the edit, before new findings are out
    assert [action.kind for action in actions] == ["source.fixAll.lintune"]
    assert applied(editor.text(path), actions[0]) == MENDED


async def test_nothing_to_fix(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, MENDED)
    assert await editor.actions(path, WHOLE) == []
    assert await editor.actions(workspace / "not-open.jsonl", WHOLE) == []
    editor.open(workspace / "two.jsonl", TWO_FAULTS)
    assert await editor.actions(workspace / "two.jsonl", WHOLE, only=["refactor"]) == []


def edit(start: int, end: int, line: int = 0) -> Edit:
    return Edit(Range(Position(line, start), Position(line, end)), "new")


async def test_fixes_that_do_not_touch_go_together_and_the_first_of_two_that_do() -> None:
    first, second = [edit(0, 2)], [edit(5, 6), edit(8, 9)]
    overlapping, inserted, elsewhere = [edit(1, 3)], [edit(2, 2)], [edit(1, 3, line=4)]
    assert independent([second, first, overlapping, inserted, elsewhere]) == [*first, *second, *elsewhere]
    assert independent([[edit(0, 2)], [edit(2, 4)]]) == [edit(0, 2), edit(2, 4)], "touching ranges"
    assert independent([[edit(3, 3)], [edit(3, 3)]]) == [edit(3, 3)], "two insertions at one place"
