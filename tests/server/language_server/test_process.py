"""The server's process: what it offers, quick to answer, clean on its streams, gone when it should be."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from lsprotocol import types

from . import editor as editors
from .editor import Editor

BROKEN = '{"prompt": "😀日", "completion": "b",}\n'
"""A trailing comma behind an emoji, which UTF-16 counts twice and UTF-8 four times."""


async def test_initialize_offers_the_features(editor: Editor) -> None:
    offered = editor.capabilities
    assert offered
    assert isinstance(offered.text_document_sync, types.TextDocumentSyncOptions)
    assert offered.text_document_sync.open_close
    assert offered.text_document_sync.change is types.TextDocumentSyncKind.Incremental
    assert offered.text_document_sync.save
    assert offered.hover_provider
    assert offered.code_lens_provider
    assert isinstance(offered.code_action_provider, types.CodeActionOptions)
    assert set(offered.code_action_provider.code_action_kinds or []) == {"quickfix", "source.fixAll.lintune"}
    assert offered.execute_command_provider
    names = ("train", "stop", "pause", "resume", "ask", "openAnswer", "estimate", "explain")
    names += ("exportRun", "verifyRun", "compareRuns", "deleteRuns")
    assert set(offered.execute_command_provider.commands) == {f"lintune.{name}" for name in names}
    process = editor.process
    await editor.leave()
    assert process.returncode == 0, "it leaves as asked"


@pytest.mark.parametrize(("encodings", "start"), [(None, 35), (["utf-8"], 39), (["utf-32", "utf-16"], 34)])
async def test_places_are_in_the_clients_units(
    new_editor: Editor, workspace: Path, encodings: list[str] | None, start: int
) -> None:
    path = workspace / "train.jsonl"
    await new_editor.start(workspace, encodings=encodings)
    new_editor.open(path, '{"prompt": "a", "completion": "b"}\n' + BROKEN)
    (found,) = await new_editor.diagnostics(path, 1)
    assert found.range == types.Range(types.Position(1, start), types.Position(1, start + 1))


async def test_initialize_is_answered_before_the_workspace_is_searched(new_editor: Editor, tmp_path: Path) -> None:
    """A folder with more in it than the search may look at."""
    for number in range(40):
        (tmp_path / f"a{number}" / "b" / "c" / "d" / "e").mkdir(parents=True)
    await new_editor.start(tmp_path)
    assert new_editor.statuses == []
    await new_editor.until_status("idle")


async def test_a_client_without_any_capability_is_served(new_editor: Editor, workspace: Path) -> None:
    client = new_editor.client
    await client.start_io(*editors.SERVER, env=dict(os.environ))
    await client.initialize_session(types.InitializeParams(types.ClientCapabilities(), root_uri=workspace.as_uri()))
    data = workspace / "train.jsonl"
    new_editor.open(data, data.read_text().replace("assistant", "gpt", 1))
    (found,) = await new_editor.diagnostics(data, 1)
    (action, *_) = await new_editor.actions(data, found.range)
    assert action.edit
    assert action.edit.changes, "edits in the old form, without a version"
    await new_editor.until_status("untrained")


async def test_a_message_that_is_no_json_does_not_end_it(editor: Editor, workspace: Path) -> None:
    assert editor.process.stdin
    editor.process.stdin.write(b"Content-Length: 9\r\n\r\n{nonsense")
    await editor.until(lambda: editor.shown)
    data = workspace / "train.jsonl"
    editor.open(data, "{broken\n")
    await editor.diagnostics(data, 1)


async def test_it_leaves_when_its_client_is_gone(editor: Editor) -> None:
    assert editor.process.stdin
    editor.process.stdin.close()
    await editor.until(lambda: editor.process.returncode is not None)
    assert editor.process.returncode == 1


async def test_sigterm_ends_it(editor: Editor) -> None:
    editor.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(editors.PATIENCE):
        await editor.process.wait()
