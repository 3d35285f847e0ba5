"""A workspace on a slow disk, as one in a network: who types or asks does not wait for it.

The server's process notes each time its event loop touches a file of the workspace, and where it did so.
"""

import json
from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor

WATCH = """\
import os, sys, threading, traceback

def note(path):
    if threading.current_thread() is threading.main_thread() and os.fsdecode(path).startswith(os.environ["WATCHED"]):
        with open(os.environ["NOTES"], "a") as file:
            file.write("".join(traceback.format_stack()[-6:-2]) + "\\n")

def heard(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, bytes)):
        note(arguments[0])

def watched(function):
    def call(path, *arguments, **options):
        if not isinstance(path, int):
            note(path)
        return function(path, *arguments, **options)
    return call

if sys.orig_argv[-1] == "lintune_server.language_server":
    sys.addaudithook(heard)
    os.stat, os.lstat = watched(os.stat), watched(os.lstat)
"""
RECIPE = "base_model: smollm2-135m-instruct\ndatasets:\n  - path: train.jsonl\nlintune: {lint: {ignore: [DS]}}\n"
TURNS = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sitecustomize.py").write_text(WATCH)
    notes = tmp_path / "notes"
    notes.touch()
    monkeypatch.setenv("PYTHONPATH", str(programs))
    monkeypatch.setenv("WATCHED", str(tmp_path.resolve() / "far-away"))
    monkeypatch.setenv("NOTES", str(notes))
    return notes


async def test_who_types_and_asks_does_not_wait_for_the_disk(new_editor: Editor, tmp_path: Path, notes: Path) -> None:
    folder = tmp_path.resolve() / "far-away"
    folder.mkdir()
    samples = [{"messages": TURNS}, {"messages": [{"role": "gpt", "content": "Hi"}]}]
    (folder / "train.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    (folder / "recipe.yaml").write_text(RECIPE)
    await new_editor.start(folder)
    await new_editor.until_status("untrained")  # the workspace's recipes are known, and watched
    client = new_editor.client
    for name in ("train.jsonl", "recipe.yaml"):
        new_editor.open(folder / name)
    await new_editor.hover_until(folder / "train.jsonl", 0, "learned")
    assert notes.read_text(), "opening a file looks at it"

    notes.write_text("")
    for name in ("train.jsonl", "recipe.yaml"):
        place = types.TextDocumentIdentifier((folder / name).as_uri())
        start, end = types.Position(0, 0), types.Position(2, 0)
        for step in range(2):
            new_editor.insert(folder / name, step, "\n")
            await client.text_document_hover_async(types.HoverParams(place, types.Position(step, 5)))
            await client.text_document_code_lens_async(types.CodeLensParams(place))
            await client.text_document_completion_async(types.CompletionParams(place, types.Position(step, 5)))
            await client.text_document_inlay_hint_async(types.InlayHintParams(place, types.Range(start, end)))
            await client.text_document_document_symbol_async(types.DocumentSymbolParams(place))
            await client.text_document_code_action_async(
                types.CodeActionParams(place, types.Range(start, end), types.CodeActionContext([]))
            )
    await client.protocol.send_request_async("lintune/runs", {})
    assert notes.read_text() == ""
