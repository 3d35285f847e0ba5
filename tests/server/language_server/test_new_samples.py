"""A conversation becomes a sample of a data set: as the file writes it, checked beside the others, and taken back."""

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECIPE = "base_model: smollm2-135m-instruct\ndatasets:\n  - path: train.jsonl\nlintune: {lint: {ignore: [DS]}}\n"
SAID = [{"role": "user", "content": "Lamp é on"}, {"role": "assistant", "content": "ON"}]
SYSTEM = {"role": "system", "content": "Be short."}

CHAT = '{"messages": [{"role": "user", "content": "Off"}, {"role": "assistant", "content": "OFF"}]}\n'


class Data:
    """A data set, and a client that adds to it."""

    def __init__(self, editor: Editor, path: Path) -> None:
        self.editor = editor
        self.path = path

    async def draft(self, messages: list[dict[str, str]] = SAID) -> Any:
        return await self._request("draftSample", messages)

    async def add(self) -> Any:
        return await self._request("addSample", SAID)

    async def _request(self, name: str, messages: list[dict[str, str]]) -> Any:
        params = {"dataset": self.path.as_uri(), "messages": messages}
        return await self.editor.client.protocol.send_request_async(f"lintune/{name}", params)

    async def take_back(self) -> None:
        await self.editor.client.protocol.send_request_async("lintune/takeBackSample", {"dataset": self.path.as_uri()})


@pytest.fixture
def data(linting_editor: Editor, workspace: Path) -> Data:
    (workspace / "recipe.yaml").write_text(RECIPE)
    return Data(linting_editor, workspace / "train.jsonl")


@pytest.mark.parametrize(
    ("before", "messages", "line"),
    [
        (
            CHAT,
            SAID,
            '{"messages": [{"role": "user", "content": "Lamp é on"}, {"role": "assistant", "content": "ON"}]}',
        ),
        (
            '{"messages":[{"role":"user","content":"\\u00e8"},{"role":"assistant","content":"OFF"}]}\n',
            SAID,
            r'{"messages":[{"role":"user","content":"Lamp \u00e9 on"},{"role":"assistant","content":"ON"}]}',
        ),
        (
            '{"conversations": [{"from": "human", "value": "Off"}, {"from": "gpt", "value": "OFF"}]}\n',
            SAID,
            '{"conversations": [{"from": "human", "value": "Lamp é on"}, {"from": "gpt", "value": "ON"}]}',
        ),
        (
            '{"instruction": "Off", "output": "OFF"}\n',
            [SYSTEM, *SAID],
            '{"system": "Be short.", "instruction": "Lamp é on", "output": "ON"}',
        ),
        ('{"prompt": "Off", "completion": "OFF"}\n', SAID, '{"prompt": "Lamp é on", "completion": "ON"}'),
        ("", SAID, '{"messages": [{"role": "user", "content": "Lamp é on"}, {"role": "assistant", "content": "ON"}]}'),
    ],
)
async def test_as_the_file_writes_samples(data: Data, before: str, messages: list[dict[str, str]], line: str) -> None:
    data.path.write_text(before, encoding="utf-8")
    draft = await data.draft(messages)
    assert draft.text == line
    assert draft.line == bool(before)
    assert data.path.read_text(encoding="utf-8") == before, "nothing is added yet"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
async def test_nothing_else_in_the_file_is_touched_and_it_can_be_taken_back(data: Data, end: bytes) -> None:
    crlf = end == b"\r\n"
    before = CHAT.encode().rstrip() + (b"\r\n" if crlf else b"\n") + b'  {"not": "ours" }  ' + end
    data.path.write_bytes(before)
    added = await data.add()
    assert added.saved
    after = data.path.read_bytes()
    assert after.startswith(before)
    rest = after[len(before) :]
    assert rest == (b"" if end else b"\n") + added.text.encode() + (b"\r\n" if crlf else b"\n")
    await data.take_back()
    assert data.path.read_bytes() == before
    with pytest.raises(JsonRpcException, match="Nothing was added"):
        await data.take_back()


async def test_who_changed_the_file_meanwhile_loses_nothing(data: Data) -> None:
    data.path.write_text(CHAT)
    await data.add()
    changed = data.path.read_text() + CHAT.replace("OFF", "MINE")
    data.path.write_text(changed)
    with pytest.raises(JsonRpcException, match="was changed meanwhile"):
        await data.take_back()
    assert data.path.read_text() == changed


async def test_what_the_linter_says_of_it(data: Data) -> None:
    data.path.write_text(CHAT)
    assert (await data.draft()).findings == []
    same = [{"role": "user", "content": "Off"}, {"role": "assistant", "content": "OFF"}]
    (finding,) = (await data.draft(same)).findings
    assert (finding.code, finding.severity) == ("DU301", "warning")
    assert "line 1" in finding.message
    empty = [{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": ""}]
    assert [one.code for one in (await data.draft(empty)).findings]


@pytest.mark.asyncio(loop_scope="function")
async def test_unsaved_changes_get_it_in_the_editor(new_editor: Editor, workspace: Path) -> None:
    (workspace / "recipe.yaml").write_text(RECIPE)
    data = Data(new_editor, workspace / "train.jsonl")
    data.path.write_text(CHAT)
    edits: list[types.ApplyWorkspaceEditParams] = []

    def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        edits.append(params)
        return types.ApplyWorkspaceEditResult(applied=True)

    new_editor.client.feature(types.WORKSPACE_APPLY_EDIT)(apply)
    await new_editor.start(data.path.parent)
    new_editor.open(data.path, CHAT.replace("OFF", "NO"))
    added = await data.add()
    assert not added.saved
    assert data.path.read_text() == CHAT
    ((edit,),) = (edits[0].edit.changes or {}).values()
    assert edit.new_text == added.text + "\n"
    assert edit.range.start == types.Position(1, 0)


async def test_what_no_sample_can_say(data: Data) -> None:
    for before, messages, said in (
        (CHAT, SAID[:1], "last message"),
        ('{"text": "raw"}\n', SAID, "format text"),
        ('{"instruction": "Off", "output": "OFF"}\n', [*SAID, *SAID], "3 messages before the answer"),
        (CHAT, [{"role": "king", "content": "a"}, SAID[1]], "one of the roles"),
    ):
        data.path.write_text(before)
        with pytest.raises(JsonRpcException, match=said):
            await data.draft(messages)
