"""Findings over the wire: where they are, that they follow the text, and that nothing odd ends the server."""

from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor

BROKEN = '{"prompt": "😀日", "completion": "b",}\n'
"""A trailing comma behind an emoji, which UTF-16 counts twice and UTF-8 four times."""


def place(range_: types.Range) -> tuple[int, int, int, int]:
    return range_.start.line, range_.start.character, range_.end.line, range_.end.character


@pytest.mark.parametrize(
    ("encodings", "start"), [(None, 36), (["utf-16"], 36), (["utf-8"], 40), (["utf-32", "utf-16"], 35)]
)
async def test_the_range_is_exact_in_the_clients_units(
    new_editor: Editor, workspace: Path, encodings: list[str] | None, start: int
) -> None:
    path = workspace / "train.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n' + BROKEN)
    await new_editor.start(workspace, encodings=encodings)
    new_editor.open(path)
    (found,) = await new_editor.diagnostics(path, 1)
    assert place(found.range) == (1, start, 1, start + 1)
    assert (found.code, found.severity, found.source) == ("JL002", types.DiagnosticSeverity.Error, "lintune")
    assert "trailing comma" in found.message


async def test_an_edit_that_mends_it_takes_it_away(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, BROKEN)
    await editor.diagnostics(path, 1)
    editor.replace(path, ",}", "}")
    await editor.diagnostics(path, 0)
    editor.replace(path, '"b"', '"b')
    (found,) = await editor.diagnostics(path, 1)
    assert "never ends" in found.message


async def test_edits_before_and_after_an_emoji_keep_the_text_right(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, BROKEN)
    for old, new in (("日", "日😀😀"), ("b", "👩‍👩‍👧"), ("prompt", "pröm\u2028pt"), (",}", "}")):
        editor.replace(path, old, new)
    editor.replace(path, "completion", "completion😀'")
    editor.replace(path, "completion😀'", "completion")
    editor.replace(path, "pröm\u2028pt", "prompt")
    await editor.diagnostics(path, 0)
    editor.replace(path, "}", ",}")
    (found,) = await editor.diagnostics(path, 1)
    line = str(editor._texts[path]).rstrip("\n")
    assert found.range.start.character == len(line.encode("utf-16-le")) // 2 - 1


async def test_closing_takes_the_findings_away(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, BROKEN)
    await editor.diagnostics(path, 1)
    editor.close(path)
    await editor.diagnostics(path, 0)


async def test_a_recipe_has_findings_and_other_yaml_has_none(editor: Editor, workspace: Path) -> None:
    recipe, other = workspace / "recipe.yaml", workspace / "compose.yaml"
    editor.open(other, "a: [1\n")
    editor.open(recipe, "base_model: [1\n")
    (found,) = await editor.diagnostics(recipe, 1)
    assert found.code == "RC601"
    await editor.diagnostics(other, 0)


async def test_odd_documents_do_no_harm(editor: Editor, workspace: Path) -> None:
    folder = workspace / "folder.jsonl"
    folder.mkdir()
    empty = workspace / "empty.jsonl"
    editor.open(empty, "")
    editor.open(folder, "")
    editor.open(workspace / "gone" / "away.jsonl", "{}\n")
    editor.client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem("untitled:Untitled-1", "jsonl", 1, BROKEN))
    )
    editor._versions[workspace / "never.jsonl"] = 1
    editor._texts[workspace / "never.jsonl"] = "a"
    editor.replace(workspace / "never.jsonl", "a", "b")
    editor.close(workspace / "never.jsonl")
    await editor.until(lambda: len(editor.client.diagnostics.get("untitled:Untitled-1", [])) == 1)
    assert await editor.hover(empty, 0) is None
    assert await editor.hover(empty, 99) is None
    assert await editor.hover(folder, 0) is None
    assert await editor.lenses(empty) == []
    assert not [said for said in editor.shown if "internal" in said]


async def test_renaming_moves_the_findings(editor: Editor, workspace: Path) -> None:
    """Editors close the old name and open the new one."""
    old, new = workspace / "train.jsonl", workspace / "renamed.jsonl"
    old.write_text(BROKEN)
    editor.open(old)
    await editor.diagnostics(old, 1)
    old.rename(new)
    editor.close(old)
    editor.open(new)
    await editor.diagnostics(old, 0)
    await editor.diagnostics(new, 1)


async def test_a_bad_request_is_answered_with_an_error(editor: Editor) -> None:
    with pytest.raises(Exception, match=r"(?i)not defined|unknown"):
        await editor.command("lintune.nonsense")
    with pytest.raises(Exception, match=r"(?i)expected 2|arguments|invalid"):
        await editor.command("lintune.ask")
    assert await editor.command("lintune.stop") is False


async def test_the_server_leaves_as_asked(editor: Editor) -> None:
    process = editor.process
    await editor.leave()
    assert process.returncode == 0


async def test_the_server_leaves_when_its_client_is_gone(editor: Editor) -> None:
    assert editor.process.stdin
    editor.process.stdin.close()
    await editor.until(lambda: editor.process.returncode is not None)
    assert editor.process.returncode == 1
