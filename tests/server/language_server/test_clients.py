"""What clients do besides opening and editing: settings, folders, files that change, and what they should not do."""

import asyncio
import subprocess
import sys
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcMethodNotFound

from .conftest import RECIPE, SAMPLES
from .editor import Editor

BROKEN = '{"messages": [{"role": "usr", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]}\n'


def codes(editor: Editor, path: Path) -> list[tuple[object, int]]:
    return [(one.code, one.range.start.line) for one in editor.client.diagnostics.get(path.as_uri(), [])]


async def test_settings(editor: Editor, workspace: Path) -> None:
    data = workspace / "train.jsonl"
    editor.open(data)
    await editor.until(lambda: data.as_uri() in editor.client.diagnostics)
    assert len(await editor.lenses(data)) == 2
    assert editor.client.set_configuration({"lintune": {"sampleLenses": False, "inlayHints": 3}}) is None
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
    async with asyncio.timeout(editor.patience):
        while await editor.lenses(data):
            await asyncio.sleep(0.05)


async def test_a_folder_is_added_and_taken_out(editor: Editor, workspace: Path) -> None:
    other = workspace.parent / "other"
    other.mkdir()
    (other / "recipe.yaml").write_text(RECIPE.replace("true", "false"))
    (other / "train.jsonl").write_text(BROKEN)
    folder = types.WorkspaceFolder(other.as_uri(), "other")

    async def found() -> set[str]:
        report = await editor.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams([]))
        return {Path(one.uri).parent.name for one in report.items}

    async def until(names: set[str]) -> None:
        async with asyncio.timeout(editor.patience):
            while {name for name in await found() if name == "other"} != names:
                await asyncio.sleep(0.05)

    await until(set())
    event = types.WorkspaceFoldersChangeEvent(added=[folder], removed=[])
    editor.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))
    await until({"other"})
    event = types.WorkspaceFoldersChangeEvent(added=[], removed=[folder])
    editor.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))
    await until(set())


async def test_a_recipe_that_is_made_by_another_program(editor: Editor, workspace: Path) -> None:
    wanted = {types.WORKSPACE_DID_CHANGE_CONFIGURATION, types.WORKSPACE_DID_CHANGE_WATCHED_FILES}
    await editor.until(lambda: {registration.method for registration in editor.registered} == wanted)
    deep = workspace / "a" / "b" / "c" / "d" / "e"  # deeper than recipes are searched for
    installed = workspace / "environment" / "share" / "example"
    for folder in (installed, deep):
        folder.mkdir(parents=True)
        (folder / "recipe.yaml").write_text(RECIPE)
        (folder / "train.jsonl").write_text(BROKEN)
    (workspace / "environment" / "pyvenv.cfg").write_text("")
    data = deep / "train.jsonl"
    events = [
        types.FileEvent((folder / "recipe.yaml").as_uri(), types.FileChangeType.Created) for folder in (installed, deep)
    ]
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(events))
    async with asyncio.timeout(editor.patience):
        while True:
            report = await editor.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams([]))
            if data.as_uri() in (found := {one.uri for one in report.items}):
                break
            await asyncio.sleep(0.05)
    assert (installed / "train.jsonl").as_uri() not in found, "it came with a package"


async def test_a_document_that_is_opened_twice(editor: Editor, workspace: Path) -> None:
    data = workspace / "train.jsonl"
    editor.open(data, BROKEN)
    await editor.until(lambda: codes(editor, data) == [("SF106", 0)])
    editor.open(data, SAMPLES + BROKEN)
    await editor.until(lambda: codes(editor, data) == [("SF106", 2)])
    editor.close(data)
    await editor.until(lambda: codes(editor, data) == [])
    editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(data.as_uri())))
    assert await editor.hover(data, 0) is None


async def test_edits_outside_the_text_and_versions_that_go_back(editor: Editor, workspace: Path) -> None:
    data = workspace / "train.jsonl"
    editor.open(data, SAMPLES)
    far, before = types.Position(10_000, 7), types.Position(0, 0)
    for version, (start, end, text) in {
        9: (far, far, BROKEN),  # at the end
        3: (far, before, ""),  # the wrong way round: all of it
        -1: (before, types.Position(0, 99_999), BROKEN + BROKEN),
    }.items():
        change = types.TextDocumentContentChangePartial(types.Range(start, end), text)
        document = types.VersionedTextDocumentIdentifier(uri=data.as_uri(), version=version)
        editor.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))
    expected = {("SF106", 0), ("SF106", 1), ("DU301", 1)}
    await editor.until(lambda: set(codes(editor, data)) == expected)


async def test_a_change_of_what_is_not_open(editor: Editor, workspace: Path) -> None:
    data = workspace / "train.jsonl"
    editor.forge(data, "x")
    editor.rewrite(data, BROKEN)
    editor.open(data, BROKEN)
    await editor.until(lambda: codes(editor, data) == [("SF106", 0)])


async def test_a_client_whose_process_is_gone(new_editor: Editor, workspace: Path) -> None:
    """Its pipe may be held open by another process."""
    client = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    await new_editor.start(workspace, process_id=client.pid)
    new_editor.open(workspace / "train.jsonl", BROKEN)
    await new_editor.until(lambda: codes(new_editor, workspace / "train.jsonl"))
    client.kill()
    client.wait()
    await new_editor.until(lambda: new_editor.process.returncode is not None)
    assert new_editor.process.returncode == 1


async def test_a_client_that_refuses_what_it_said_it_can_do(new_editor: Editor, workspace: Path) -> None:
    """No error of ours, and none to bother anybody with."""

    def refuse(*_: object) -> None:
        raise JsonRpcMethodNotFound

    features = new_editor.client.protocol.fm.features
    for method in (types.CLIENT_REGISTER_CAPABILITY, types.WORKSPACE_CONFIGURATION):
        features.pop(method, None)
        new_editor.client.feature(method)(refuse)
    await new_editor.start(workspace)
    new_editor.open(workspace / "train.jsonl", BROKEN)
    await new_editor.until(lambda: codes(new_editor, workspace / "train.jsonl") == [("SF106", 0)])
    assert not [shown for shown in new_editor.shown if "internal error" in shown]
