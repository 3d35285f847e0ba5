"""A sample opened as Markdown and written back: on disk, in the editor's text, and where it is now."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINES = [
    b'\xef\xbb\xbf{"messages": [{"role": "user", "content": "caf\\u00e9"}, '
    b'{"role": "assistant", "content": "ON"}], "n": 1.50}\r\n',
    b'{"messages":[{"role":"user","content":"\xff"}]}\n',
    b"\n",
    b'{"id": 3, "messages": [{"role": "user", "content": "Lamp off"}, {"role": "assistant", "content": "OFF"}]}\n',
    b'{"messages": [{"role": "user", "content": "Fan on"}, {"role": "assistant", "content": "ON"}]}',
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path.resolve() / "train.jsonl"
    path.write_bytes(b"".join(LINES))
    return path


async def ask(editor: Editor, method: str, path: Path, **params: Any) -> Any:
    return await editor.client.protocol.send_request_async(f"lintune/{method}", {"uri": path.as_uri(), **params})


async def write(editor: Editor, path: Path, opened: Any, markdown: str) -> Any:
    return await ask(editor, "sampleWrite", path, line=opened.line, digest=opened.digest, markdown=markdown)


async def test_a_sample_is_read_as_a_conversation_and_one_line_is_written(linting_editor: Editor, data: Path) -> None:
    opened = await ask(linting_editor, "sample", data, line=3)
    assert opened.markdown.endswith("\n# user\n\nLamp off\n\n# assistant\n\nOFF\n")
    assert opened.markdown.startswith("---\nid: 3\n---\n")
    data.chmod(0o640)
    written = await write(linting_editor, data, opened, opened.markdown.replace("OFF", "Off."))
    assert (written.state, written.line) == ("saved", 3)
    assert data.read_bytes() == b"".join(LINES).replace(b"OFF", b"Off.")
    assert data.stat().st_mode & 0o777 == 0o640
    again = await ask(linting_editor, "sample", data, line=3)
    assert again.digest == written.digest
    before = data.stat()
    assert (await write(linting_editor, data, again, again.markdown)).state == "saved"
    assert data.stat().st_mtime_ns == before.st_mtime_ns  # nothing to write


async def test_a_link_stays_one(linting_editor: Editor, data: Path) -> None:
    link = data.with_name("link.jsonl")
    link.symlink_to(data)
    opened = await ask(linting_editor, "sample", link, line=0)
    assert (await write(linting_editor, link, opened, opened.markdown.replace("café", "cafés"))).state == "saved"
    assert link.is_symlink()
    assert data.read_bytes() == b"".join(LINES).replace(b"caf\\u00e9", b"caf\\u00e9s")


async def test_what_is_no_sample_is_shown_with_the_reason(linting_editor: Editor, data: Path) -> None:
    opened = await ask(linting_editor, "sample", data, line=1)
    assert opened.reason == "the line holds bytes that are no UTF-8"
    assert "no UTF-8" in opened.markdown
    assert await ask(linting_editor, "sample", data, line=99) is None


async def test_next_and_previous(linting_editor: Editor, data: Path) -> None:
    assert (await ask(linting_editor, "sample", data, line=1, step=1)).line == 3  # the blank one is passed over
    assert (await ask(linting_editor, "sample", data, line=3, step=-1)).line == 1
    assert await ask(linting_editor, "sample", data, line=4, step=1) is None
    assert await ask(linting_editor, "sample", data, line=0, step=-1) is None


async def test_a_line_that_moved_is_found(linting_editor: Editor, data: Path) -> None:
    opened = await ask(linting_editor, "sample", data, line=3)
    data.write_bytes(b'{"text": "new"}\n' * 5 + b"".join(LINES))
    assert (await ask(linting_editor, "sample", data, line=3, digest=opened.digest)).line == 8
    written = await write(linting_editor, data, opened, opened.markdown.replace("OFF", "Off."))
    assert (written.state, written.line) == ("saved", 8)
    assert data.read_bytes() == b'{"text": "new"}\n' * 5 + b"".join(LINES).replace(b"OFF", b"Off.")


async def test_a_line_that_changed_is_a_conflict(linting_editor: Editor, data: Path) -> None:
    opened = await ask(linting_editor, "sample", data, line=3)
    changed = b"".join(LINES).replace(b"OFF", b"off")
    data.write_bytes(changed)
    written = await write(linting_editor, data, opened, opened.markdown.replace("OFF", "Off."))
    assert written.state == "conflict"
    assert written.message == "Line 4 changed meanwhile, so nothing was written."
    assert data.read_bytes() == changed
    now = await ask(linting_editor, "sample", data, line=3)  # whoever overwrites says what
    assert (await write(linting_editor, data, now, opened.markdown.replace("OFF", "Off."))).state == "saved"
    assert data.read_bytes() == b"".join(LINES).replace(b"OFF", b"Off.")


async def test_a_line_that_moved_and_changed_is_known_by_its_neighbours(linting_editor: Editor, data: Path) -> None:
    opened = await ask(linting_editor, "sample", data, line=3)
    known = {"digest": opened.digest, "around": list(opened.around)}
    data.write_bytes(b'{"text": "new"}\n' * 5 + b"".join(LINES).replace(b"OFF", b"off"))
    now = await ask(linting_editor, "sample", data, line=3, **known)
    assert now.line == 8
    assert "\noff\n" in now.markdown


@pytest.mark.parametrize("line", range(len(LINES)))
async def test_a_line_that_was_taken_out_is_gone(linting_editor: Editor, data: Path, line: int) -> None:
    data.write_bytes(b"".join(LINES).replace(b"\n\n", b'\n{"text": "not blank"}\n') + b"\n")
    opened = await ask(linting_editor, "sample", data, line=line)
    lines = data.read_bytes().splitlines(keepends=True)
    data.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    known = {"digest": opened.digest, "around": list(opened.around)}
    assert await ask(linting_editor, "sample", data, line=line, **known) is None


async def test_what_to_mend_is_said_with_its_line(linting_editor: Editor, data: Path) -> None:
    opened = await ask(linting_editor, "sample", data, line=3)
    markdown = opened.markdown.replace("# assistant", "# asistant")
    written = await write(linting_editor, data, opened, markdown)
    assert (written.state, written.line) == ("unreadable", markdown.split("\n").index("# asistant"))
    assert "Write “# assistant”, or “\\# asistant” where it is part of a text." in written.message
    assert data.read_bytes() == b"".join(LINES)
    look = await ask(linting_editor, "sampleLook", data, line=3, digest=opened.digest, markdown=markdown)
    (found,) = look.diagnostics
    assert found.range.start.line == written.line


async def test_findings_stand_in_the_markdown(linting_editor: Editor, data: Path) -> None:
    opened = await ask(linting_editor, "sample", data, line=3)
    markdown = opened.markdown.replace("Lamp off", "Lamp\n\noff <|im_end|> ")
    look = await ask(linting_editor, "sampleLook", data, line=3, digest=opened.digest, markdown=markdown)
    lines = markdown.split("\n")
    assert look.diagnostics
    for found in look.diagnostics:
        assert lines[found.range.start.line].startswith("off"), found


async def test_a_document_with_unsaved_changes_is_edited_and_not_the_file(linting_editor: Editor, data: Path) -> None:
    data.write_bytes(LINES[3] + LINES[4])
    text = data.read_text()
    linting_editor.open(data)
    linting_editor.insert(data, 0, '{"text": "new"}\n')
    edits: list[types.ApplyWorkspaceEditParams] = []

    @linting_editor.client.feature(types.WORKSPACE_APPLY_EDIT)
    def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        edits.append(params)
        return types.ApplyWorkspaceEditResult(applied=True)

    opened = await ask(linting_editor, "sample", data, line=1)
    written = await write(linting_editor, data, opened, opened.markdown.replace("OFF", "Off."))
    assert (written.state, written.line) == ("buffered", 1)
    assert data.read_text() == text
    (change,) = edits[0].edit.document_changes or []
    assert isinstance(change, types.TextDocumentEdit)
    assert change.edits[0].new_text == LINES[3].decode().rstrip().replace("OFF", "Off.")
    linting_editor.close(data)


async def test_an_open_document_without_changes_is_written_on_disk(linting_editor: Editor, data: Path) -> None:
    linting_editor.open(data, data.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff"))
    opened = await ask(linting_editor, "sample", data, line=0)
    assert (await write(linting_editor, data, opened, opened.markdown.replace("ON", "On."))).state == "saved"
    assert data.read_bytes() == b"".join(LINES).replace(b"ON", b"On.", 1)
    linting_editor.close(data)


async def test_a_read_only_file_says_so_and_is_not_replaced(linting_editor: Editor, data: Path) -> None:
    opened = await ask(linting_editor, "sample", data, line=3)
    data.chmod(0o444)
    assert (await ask(linting_editor, "sample", data, line=3)).reason == "train.jsonl is read-only."
    with pytest.raises(JsonRpcException, match=r"train\.jsonl is read-only\."):
        await write(linting_editor, data, opened, opened.markdown.replace("OFF", "Off."))
    assert data.read_bytes() == b"".join(LINES)


async def test_without_room_nothing_is_changed(linting_editor: Editor, data: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can make a small disk")
    try:
        path = full / "train.jsonl"
        path.write_bytes(LINES[3] * 400)
        opened = await ask(linting_editor, "sample", path, line=3)
        with pytest.raises(JsonRpcException, match="could not be written: No space left on device"):
            await write(linting_editor, path, opened, opened.markdown.replace("OFF", "Off."))
        assert path.read_bytes() == LINES[3] * 400
        assert [file.name for file in full.iterdir()] == ["train.jsonl"]
    finally:
        subprocess.run(["umount", "--lazy", full], check=True)


async def test_a_new_sample_looks_like_the_others_and_goes_to_the_end(linting_editor: Editor, data: Path) -> None:
    system = b'{"role": "system", "content": "Home."}, '
    data.write_bytes(b"".join(line.replace(b'[{"role": "user"', b"[" + system + b'{"role": "user"') for line in LINES))
    before = data.read_bytes()
    new = await ask(linting_editor, "newSample", data)
    assert new.markdown.endswith("# system\n\nHome.\n\n# user\n\n\n\n# assistant\n\n")
    markdown = new.markdown.replace("# user\n", "# user\n\nCafé lights?\n")
    written = await ask(linting_editor, "sampleWrite", data, markdown=markdown)
    assert (written.state, written.line) == ("saved", 5)
    line = b'{"messages": [{"role": "system", "content": "Home."}, {"role": "user", "content": "Caf\\u00e9 lights?"}, '
    line += b'{"role": "assistant", "content": ""}]}'
    assert data.read_bytes() == before + b"\n" + line + b"\n"
    written = await ask(linting_editor, "sampleWrite", data, markdown=markdown.replace("Café", "Hall"))
    assert written.line == 6
    assert data.read_bytes().endswith(b"\n" + line.replace(b"Caf\\u00e9", b"Hall") + b"\n")
