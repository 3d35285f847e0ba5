"""Quick fixes and fix-all, applied as a client applies them."""

from pathlib import Path

from lsprotocol import types

from .editor import Editor

TWO_FAULTS = '{"prompt": "😀", "completion": "b",}\n{"prompt": "a", "completion": "b",}\n'
MENDED = '{"prompt": "😀", "completion": "b"}\n{"prompt": "a", "completion": "b"}\n'


def line(number: int) -> types.Range:
    return types.Range(types.Position(number, 0), types.Position(number, 100))


WHOLE = types.Range(types.Position(0, 0), types.Position(2, 0))


def applied(text: str, action: types.CodeAction) -> str:
    """The text after the action's edits, whose columns count UTF-16."""
    assert action.edit
    assert action.edit.document_changes
    (change,) = action.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    assert change.text_document.version == 1
    lines = [one.encode("utf-16-le") for one in text.split("\n")]
    for edit in reversed(change.edits):
        assert isinstance(edit, types.TextEdit)
        start, end = edit.range.start, edit.range.end
        assert start.line == end.line
        old = lines[start.line]
        lines[start.line] = (
            old[: start.character * 2] + edit.new_text.encode("utf-16-le") + old[end.character * 2 :]
        )
    return "\n".join(one.decode("utf-16-le") for one in lines)


async def test_a_quick_fix_mends_its_finding(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS)
    first, _ = await editor.diagnostics(path, 2)
    (action,) = await editor.actions(path, first.range, only=["quickfix"])
    assert action.kind == types.CodeActionKind.QuickFix
    assert action.is_preferred
    assert list(action.diagnostics or []) == [first]
    assert applied(TWO_FAULTS, action) == TWO_FAULTS.replace(",}", "}", 1)


async def test_fix_all_mends_the_file(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS)
    (action,) = await editor.actions(path, line(0), only=["source.fixAll"])
    assert action.kind == "source.fixAll.lintune"
    assert applied(TWO_FAULTS, action) == MENDED


async def test_actions_are_of_the_text_as_it_is_now(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS)
    await editor.diagnostics(path, 2)
    editor.replace(path, '"😀", "completion": "b",}', '"😀", "completion": "b"}')
    actions = await editor.actions(path, line(0))  # right after the edit, before new findings are out
    assert [action.kind for action in actions] == ["source.fixAll.lintune"]


async def test_nothing_to_fix(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, MENDED)
    assert await editor.actions(path, WHOLE) == []
    assert await editor.actions(workspace / "not-open.jsonl", WHOLE) == []
    editor.open(workspace / "two.jsonl", TWO_FAULTS)
    assert await editor.actions(workspace / "two.jsonl", WHOLE, only=["refactor"]) == []
