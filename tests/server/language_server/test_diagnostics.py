"""Findings over the wire: each rule's in its place; they follow the text; nothing odd ends the server."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLE = Path(__file__).parents[3] / "examples" / "smart-home"
EXPECTED: list[dict[str, Any]] = json.loads((EXAMPLE / "expected.json").read_text(encoding="utf-8"))["findings"]

SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
    "hint": types.DiagnosticSeverity.Hint,
}

BROKEN = '{"prompt": "😀日", "completion": "b",}\n'
"""A trailing comma behind an emoji, which UTF-16 counts twice and UTF-8 four times."""


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


def in_utf16(lines: list[str], position: dict[str, int]) -> tuple[int, int]:
    """A place that counts from 1, in code points, as LSP counts: from 0, in UTF-16 code units."""
    before = lines[position["line"] - 1][: position["column"] - 1]
    return position["line"] - 1, len(before.encode("utf-16-le")) // 2


def place(range_: types.Range) -> tuple[tuple[int, int], tuple[int, int]]:
    return (range_.start.line, range_.start.character), (range_.end.line, range_.end.character)


@pytest.mark.parametrize("name", sorted({finding["path"] for finding in EXPECTED}))
async def test_each_planted_defect_is_found_at_its_place(editor: Editor, tmp_path: Path, name: str) -> None:
    for file in EXAMPLE.glob("*.*"):
        if file.is_file():  # not what a training of it left
            shutil.copy(file, tmp_path)
    shutil.copytree(EXAMPLE / "data", tmp_path / "data")
    path = tmp_path / name
    planted = [finding for finding in EXPECTED if finding["path"] == name]
    lines = path.read_text(encoding="utf-8").split("\n")
    editor.open(path)
    found = await editor.diagnostics(path, len(planted))
    assert Counter((one.code, one.severity, place(one.range)) for one in found) == Counter(
        (
            one["code"],
            SEVERITIES[one["severity"]],
            (in_utf16(lines, one["range"]["start"]), in_utf16(lines, one["range"]["end"])),
        )
        for one in planted
    )
    assert all(one.message and one.source == "lintune" for one in found)


async def test_a_duplicate_points_at_the_first(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    samples = path.read_text()
    editor.open(path, samples + samples.splitlines()[1].replace('"messages":', ' "messages" :') + "\n")
    (found,) = await editor.diagnostics(path, 1)
    assert (found.code, found.range.start.line) == ("DU301", 2)
    (related,) = found.related_information or []
    assert (related.location.uri, related.location.range.start.line) == (path.as_uri(), 1)


NO_END = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}"


async def test_a_template_without_an_end_of_turn_token(editor: Editor, workspace: Path) -> None:
    recipe, path = workspace / "recipe.yaml", workspace / "train.jsonl"
    recipe.write_text(f"{recipe.read_text()}chat_template_jinja: {json.dumps(NO_END)}\n")
    path.write_text('{"messages": [{"role": "user", "content": "😀"}, {"role": "assistant", "content": "日😀"}]}\n')
    editor.open(path)
    (found,) = await editor.diagnostics(path, 1)
    assert (found.code, found.severity) == ("TK203", types.DiagnosticSeverity.Error)
    start = path.read_text().index('"日😀"') + 1  # the emoji before it counts twice
    assert place(found.range) == ((0, start), (0, start + len('"日😀"') + 1))


async def test_an_edit_that_mends_it_takes_it_away(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, BROKEN)
    (found,) = await editor.diagnostics(path, 1)
    assert "trailing comma" in found.message
    editor.replace(path, ",}", "}")
    await editor.diagnostics(path, 0)
    editor.replace(path, '"b"', '"b')
    (found,) = await editor.diagnostics(path, 1)
    assert found.code == "JL001"


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
    line = editor.text(path).rstrip("\n")
    assert found.range.start.character == len(line.encode("utf-16-le")) // 2 - len(",}")


async def test_a_saved_recipe_is_what_data_sets_are_judged_by(editor: Editor, workspace: Path) -> None:
    recipe, path = workspace / "recipe.yaml", workspace / "train.jsonl"
    recipe.write_text(recipe.read_text().replace("train_on_save: true", "train_on_save: false"))
    editor.open(path)
    editor.open(recipe)
    await editor.diagnostics(path, 0)
    editor.replace(recipe, "sequence_len: 256", "sequence_len: 20")
    editor.save(recipe)
    found = await editor.diagnostics(path, 2)
    assert {one.code for one in found} == {"TK201"}


async def test_closing_takes_the_findings_away(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, BROKEN)
    await editor.diagnostics(path, 1)
    editor.close(path)
    await editor.diagnostics(path, 0)


async def test_a_recipe_has_findings_and_other_yaml_has_none(editor: Editor, workspace: Path) -> None:
    recipe, named, other = workspace / "recipe.yaml", workspace / "tune.yaml", workspace / "compose.yaml"
    editor.open(other, "a: [1\n")
    editor.open(named, "base_model: [1\n")
    editor.open(recipe, "base_model: [1\n")
    for path in (recipe, named):
        (found,) = await editor.diagnostics(path, 1)
        assert found.code == "RC601"
    await editor.diagnostics(other, 0)


async def test_odd_documents_do_no_harm(editor: Editor, workspace: Path) -> None:
    folder = workspace / "folder.jsonl"
    folder.mkdir()
    empty = workspace / "empty.jsonl"
    editor.open(empty, "")
    editor.open(folder, "")
    editor.open(workspace / "gone" / "away.jsonl", "{}\n")
    untitled = "untitled:Untitled-1"
    editor.client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(untitled, "jsonl", 1, BROKEN))
    )
    never = workspace / "never.jsonl"
    editor.forge(never, "a")
    editor.replace(never, "a", "b")
    editor.close(never)
    await editor.until(lambda: len(editor.client.diagnostics.get(untitled, [])) == 1)
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
    assert isinstance(await editor.command("lintune.stop"), bool), "it answers"
