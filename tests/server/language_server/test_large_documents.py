"""Data sets that another process analyses: the same findings, at the same places, whatever happens to that process."""

import json
import os
import signal
from pathlib import Path

import psutil
import pytest
from lsprotocol import types

from lintune_server.analyst.selection import MOST_SHOWN

from .editor import Editor

COUNT = 9_000
ANOTHER = ('"user",  "content": "What is 4 ', '"user",  "content": "What was 4 ')


@pytest.fixture(autouse=True)
def no_training(workspace: Path) -> None:
    """Files are written here, and none of that is to train."""
    recipe = workspace / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("train_on_save: true", "train_on_save: false"))


def sample(number: int) -> str:
    messages = [
        {"role": "user", "content": f"What is {number} é 🏠?"},
        {"role": "assistant", "content": f"It is {number}."},
    ]
    return json.dumps({"messages": messages}, ensure_ascii=False)


def large(workspace: Path, *, copied: int = 4) -> Path:
    """Over half a megabyte; the last line is a copy of another."""
    path = workspace / "train.jsonl"
    lines = [*(sample(number) for number in range(COUNT)), sample(copied)]
    lines[copied] = lines[copied].replace('"user", ', '"user",  ')  # so that a test can tell it from its copy
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def at(editor: Editor, path: Path, code: str) -> list[int]:
    found = editor.client.diagnostics.get(path.as_uri(), [])
    return [one.range.start.line for one in found if one.code == code]


def analyst_of(editor: Editor) -> psutil.Process | None:
    children = psutil.Process(editor.process.pid).children()
    return next((one for one in children if "lintune_server.analyst" in one.cmdline()), None)


async def test_a_typed_line_and_the_whole(editor: Editor, workspace: Path) -> None:
    path = large(workspace)
    editor.open(path)
    await editor.until(lambda: at(editor, path, "DU301") == [COUNT])
    assert analyst_of(editor) is not None
    editor.replace(path, "What is 5000 ", "What is 5000\\q ")
    await editor.until(lambda: at(editor, path, "JL001") == [5000])
    [found] = [one for one in editor.client.diagnostics[path.as_uri()] if one.code == "JL001"]
    assert found.range.start.character == sample(5000).index("5000 ") + 4
    assert at(editor, path, "DU301") == [COUNT], "what is known of other lines stays"
    editor.replace(path, "What is 5000\\q ", "What is 5000 ")
    await editor.until(lambda: not at(editor, path, "JL001"))
    editor.replace(path, *ANOTHER)
    await editor.until(lambda: not at(editor, path, "DU301"))
    editor.replace(path, *reversed(ANOTHER))
    await editor.until(lambda: at(editor, path, "DU301") == [COUNT])


async def test_lines_that_are_put_in_move_what_is_below(editor: Editor, workspace: Path) -> None:
    path = large(workspace)
    editor.open(path)
    await editor.until(lambda: at(editor, path, "DU301") == [COUNT])
    editor.insert(path, 100, f"{sample(4)}\n\n")
    await editor.until(lambda: at(editor, path, "DU301") == [100, COUNT + 2])
    await editor.until(lambda: at(editor, path, "JL003") == [101])


async def test_fixes_and_hover(editor: Editor, workspace: Path) -> None:
    path = large(workspace)
    editor.open(path)
    await editor.until(lambda: at(editor, path, "DU301") == [COUNT])
    assert "tokens" in (await editor.hover(path, 7_000) or "")
    place = types.Range(types.Position(COUNT, 0), types.Position(COUNT, 1))
    actions = await editor.actions(path, place, ["source.fixAll.lintune"])
    assert [action.kind for action in actions] == ["source.fixAll.lintune"]


async def test_a_killed_analyst_is_started_again(editor: Editor, workspace: Path) -> None:
    path = large(workspace)
    editor.open(path)
    await editor.until(lambda: at(editor, path, "DU301") == [COUNT])
    first = analyst_of(editor)
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    editor.replace(path, *ANOTHER)
    await editor.until(lambda: not at(editor, path, "DU301"))
    second = analyst_of(editor)
    assert second is not None
    assert second.pid != first.pid
    assert not [message for message in editor.shown if "analys" in message]


async def test_it_ends_with_the_server(editor: Editor, workspace: Path) -> None:
    path = large(workspace)
    editor.open(path)
    await editor.until(lambda: at(editor, path, "DU301") == [COUNT])
    analyst = analyst_of(editor)
    assert analyst is not None
    await editor.kill_server()
    assert psutil.wait_procs([analyst], timeout=editor.patience)[0] == [analyst]


async def test_a_hundred_thousand_findings(editor: Editor, workspace: Path) -> None:
    """The most severe are shown, and those of the lines that are looked at; one says how many there are besides."""
    path, lines = workspace / "train.jsonl", 35_000
    path.write_text('{"prompt": 1, "completion": [2]}\n' * lines + '{"prompt": "a", "completion": "b"}\n')
    editor.open(path)
    found = await editor.diagnostics(path, MOST_SHOWN + 1)
    [note] = [one for one in found if "lintune check train.jsonl" in one.message]
    assert note.severity is types.DiagnosticSeverity.Information
    assert note.range.start.line == 0
    assert int(note.message.split(" ")[0].replace(",", "")) >= 100_000 - MOST_SHOWN
    assert {one.severity for one in found if one is not note} == {types.DiagnosticSeverity.Error}
    editor.replace(path, '"completion": "b"}', '"completion": "b"')
    await editor.until(lambda: at(editor, path, "JL001") == [lines])
    await editor.pull(path)
    editor.replace(path, '"completion": "b"', '"completion": "bb"')
    report = await editor.pull(path)
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert [one.range.start.line for one in report.items if one.code == "JL001"] == [lines]


async def test_a_document_that_turns_into_something_else(editor: Editor, workspace: Path) -> None:
    path = large(workspace)
    editor.open(path)
    await editor.until(lambda: at(editor, path, "DU301") == [COUNT])
    editor.rewrite(path, "PK\x03\x04\0\0\0\x08\0" + "\ufffd\0\x01" * 200_000)
    await editor.until(lambda: at(editor, path, "JL006") == [0])
    editor.rewrite(path, sample(1) + "\n")
    await editor.until(lambda: not editor.client.diagnostics[path.as_uri()])


async def test_progress_is_shown_while_it_is_first_read(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    path.write_text("\n".join(sample(number) for number in range(20_000)) + "\n", encoding="utf-8")
    editor.open(path)
    await editor.until(lambda: any(isinstance(one, types.WorkDoneProgressEnd) for one in editor.reports))
    begin, *reports, _ = editor.reports
    assert isinstance(begin, types.WorkDoneProgressBegin)
    assert begin.title == "Checking train.jsonl"
    percentages = [one.percentage for one in reports if isinstance(one, types.WorkDoneProgressReport)]
    assert percentages == sorted(percentages)
