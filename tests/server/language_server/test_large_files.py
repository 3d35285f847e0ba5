"""`lintune/largeFiles`: data sets that are open in the client, though it does not hand over their text."""

from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor

WRONG = '{"messages": [{"role": "usr", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]}\n'
RIGHT = WRONG.replace('"usr"', '"user"')


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A data set that no recipe knows."""
    path = tmp_path.resolve() / "elsewhere" / "large.jsonl"
    path.parent.mkdir()
    path.write_text(RIGHT + WRONG)
    return path


def look_at(editor: Editor, *paths: Path) -> None:
    editor.client.protocol.notify("lintune/largeFiles", {"uris": [path.as_uri() for path in paths]})


def wrong_lines(editor: Editor, path: Path) -> list[int]:
    found = editor.client.diagnostics.get(path.as_uri(), [])
    return [one.range.start.line for one in found if one.code == "SF106"]


async def test_it_is_analysed_from_disk_until_its_tab_is_closed(editor: Editor, elsewhere: Path) -> None:
    look_at(editor, elsewhere)
    await editor.until(lambda: wrong_lines(editor, elsewhere) == [1])

    elsewhere.write_text(WRONG + RIGHT + WRONG)
    event = types.FileEvent(elsewhere.as_uri(), types.FileChangeType.Changed)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    await editor.until(lambda: wrong_lines(editor, elsewhere) == [0, 2])

    look_at(editor)
    await editor.until(lambda: wrong_lines(editor, elsewhere) == [])


async def test_without_trust_too(new_editor: Editor, workspace: Path, elsewhere: Path) -> None:
    await new_editor.start(workspace, {"trusted": False})
    look_at(new_editor, elsewhere)
    await new_editor.until(lambda: wrong_lines(new_editor, elsewhere) == [1])


async def test_a_link_is_told_of_by_its_own_name(editor: Editor, elsewhere: Path) -> None:
    link = elsewhere.with_name("link.jsonl")
    link.symlink_to(elsewhere)
    look_at(editor, link)
    await editor.until(lambda: wrong_lines(editor, link) == [1])


async def test_what_is_none_of_ours_or_not_there_does_no_harm(editor: Editor, elsewhere: Path) -> None:
    other = elsewhere.with_name("notes.txt")
    other.write_text(WRONG)
    gone = elsewhere.with_name("gone.jsonl")
    look_at(editor, other, gone, elsewhere)
    await editor.until(lambda: wrong_lines(editor, elsewhere) == [1])
    assert {other.as_uri(), gone.as_uri()}.isdisjoint(editor.client.diagnostics)
