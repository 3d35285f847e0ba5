"""The analyst may die at any moment: who asks next is answered by another one, and no file is left behind."""

import asyncio
import io
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from lintune_schemas.errors import LintuneError
from lintune_server.analyst import messages
from lintune_server.analyst.__main__ import Analyst
from lintune_server.analyst.client import AnalystClient, AnalystGone
from lintune_server.analyst.messages import Ask, AskFile, Change, Close, Failed, Open
from lintune_server.language_server import remote
from lintune_server.language_server.documents import Document
from lintune_server.language_server.remote import Remote, Surroundings
from lintune_server.language_server.text import Encoding
from lintune_server.lint.live import LiveDataSet
from lintune_server.training import preflight

pytestmark = pytest.mark.long

TEXT = '{"prompt": "What is 1?", "completion": "It is 1."}\n' * 2
ENCODING = Encoding.UTF16


@pytest.fixture
async def client() -> AsyncIterator[AnalystClient]:
    client = AnalystClient()
    yield client
    await client.close()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies of large documents are."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def around(client: AnalystClient) -> Surroundings:
    def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work)

    return Surroundings(ThreadPoolExecutor(1), client, lambda _: None, lambda *_: None, start)


def document(folder: Path) -> Document:
    return Document((folder / "train.jsonl").as_uri(), "jsonl", 1, TEXT)


async def codes(one: Remote) -> list[tuple[str, int]]:
    found = await one.findings(lambda: 0)
    return [(finding.code, finding.range.start.line) for finding in found[0] if finding.code in ("DU301", "JL001")]


def kill(client: AnalystClient) -> None:
    assert client._process
    os.kill(client._process.pid, signal.SIGKILL)


async def test_it_is_asked_while_it_dies(client: AnalystClient, tmp_path: Path) -> None:
    await client.start()
    process = client._process
    kill(client)
    assert process
    assert process.stdin
    while not process.stdin.is_closing():
        await asyncio.sleep(0)
    assert client._process is process, "nobody has noticed yet"
    found = await client.found_in_recipe(tmp_path / "recipe.yaml", "adapter: lora\n")
    assert found.findings


async def test_what_cannot_be_understood_is_no_reason_to_wait_for_ever(
    client: AnalystClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.start()
    monkeypatch.setattr(client, "_answered", lambda _: 1 / 0)
    with pytest.raises(AnalystGone):
        await client.found_in_recipe(tmp_path / "recipe.yaml", "adapter: lora\n")
    monkeypatch.undo()
    assert (await client.found_in_recipe(tmp_path / "recipe.yaml", "adapter: lora\n")).findings


async def test_it_is_killed_while_others_work_for_it(client: AnalystClient, tmp_path: Path) -> None:
    """They end, too: else they would hold its pipes, and nobody would know that it is gone."""
    path = tmp_path / "train.jsonl"
    path.write_text(TEXT * 200_000)
    await client.start()
    assert client._process
    analyst = psutil.Process(client._process.pid)
    asked = asyncio.create_task(client.found_in_file(path))
    async with asyncio.timeout(60):
        while not (workers := analyst.children()) and not asked.done():
            await asyncio.sleep(0.01)
        if not workers:
            pytest.skip("one core, or no /proc: it works alone")
        kill(client)
        with pytest.raises(AnalystGone):
            await asked
        while any(map(is_at_work, workers)):
            await asyncio.sleep(0.01)


def is_at_work(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_one_that_dies_again_and_again_is_left_alone_for_a_while(
    client: AnalystClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await client.start()
        kill(client)
        with pytest.raises(AnalystGone):
            await client.found(AskFile(client.number(), tmp_path / "train.jsonl"))
    with pytest.raises(LintuneError, match="again and again"):
        await client.start()
    monkeypatch.setattr("lintune_server.analyst.client._REST", 0.0)
    assert (await client.found_in_recipe(tmp_path / "recipe.yaml", "adapter: lora\n")).findings


async def test_after_the_end_there_is_no_other_one(client: AnalystClient) -> None:
    await client.close()
    with pytest.raises(LintuneError) as caught:
        await client.start()
    assert not isinstance(caught.value, AnalystGone), "which is tried again"


async def test_a_document_is_closed_while_it_is_written(client: AnalystClient, temporary: Path) -> None:
    surroundings = around(client)
    one = Remote(document(temporary), surroundings)
    task = asyncio.create_task(one.findings(lambda: 0))
    while not one.is_open:
        await asyncio.sleep(0)
    task.cancel()
    one.close()
    await asyncio.wait({task})
    assert task.cancelled()
    surroundings.executor.submit(lambda: None).result()  # the thread is done with what it did before
    assert not list(temporary.iterdir())


async def test_it_dies_while_a_document_is_written(
    client: AnalystClient, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is started again for another document, and the text is edited: it has to be told of that."""
    text = document(temporary)
    one = Remote(text, around(client))
    await client.start()
    loop, write = asyncio.get_running_loop(), remote._written

    async def meanwhile() -> None:
        process = client._process
        kill(client)
        while client._process is process:
            await asyncio.sleep(0)
        await client.start()
        [change] = text.change(2, [(((0, 0), (0, 1)), "")], ENCODING)
        one.edited(change)

    def written(lines: list[str]) -> Path:
        path = write(lines)
        asyncio.run_coroutine_threadsafe(meanwhile(), loop).result()
        return path

    monkeypatch.setattr(remote, "_written", written)
    with pytest.raises(AnalystGone):
        await codes(one)
    assert not list(temporary.iterdir())
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert await codes(one) == [("JL001", 0)]
    assert not list(temporary.iterdir())


async def test_it_dies_before_it_has_read_a_document(client: AnalystClient, temporary: Path) -> None:
    source = temporary / "source"
    source.write_text(TEXT)
    await client.start()
    kill(client)
    client.tell(Open(7, temporary / "train.jsonl", source))
    await client.close()
    assert not source.exists()


async def test_what_it_lost_is_told_again(client: AnalystClient, temporary: Path) -> None:
    text = document(temporary)
    one = Remote(text, around(client))
    assert await codes(one) == [("DU301", 1)]
    client.tell(Close(one.number))
    with pytest.raises(LintuneError):
        await codes(one)
    [change] = text.change(2, [(((0, 0), (0, 1)), "")], ENCODING)
    one.edited(change)
    assert await codes(one) == [("JL001", 0)]


def test_a_change_that_failed_is_no_answer_about_another_text(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = temporary / "source"
    source.write_text(TEXT)
    monkeypatch.setattr(LiveDataSet, "edit", lambda *_: 1 / 0)
    told = Open(1, temporary / "train.jsonl", source), Change(1, 0, 1, "\n"), Ask(2, 1, False)
    replies = io.BytesIO()
    Analyst(io.BytesIO(b"".join(map(messages.packed, told))), replies).serve()
    written, found = replies.getvalue(), []
    while written:
        end = messages.LENGTH + int.from_bytes(written[: messages.LENGTH], "little")
        found.append(messages.replies.decode(written[messages.LENGTH : end]))
        written = written[end:]
    assert [(type(one), one.number) for one in found] == [(Failed, 0), (Failed, 2)]
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("by_hand", [False, True])
async def test_it_looks_before_a_training_as_the_server_would(
    client: AnalystClient, tmp_path: Path, by_hand: bool
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("base_model: no/where\ndatasets:\n  - path: a.jsonl\nlintune:\n  train_on_save: true\n")
    for text in (TEXT, TEXT + "{\n", ""):
        (tmp_path / "a.jsonl").write_text(text)
        found = await client.preflight(recipe, by_hand=by_hand)
        assert found == preflight.inspect(recipe, by_hand=by_hand)
        assert (found.fingerprint is None) == (text != TEXT)
    recipe.write_text("base_model: [\n")
    assert await client.preflight(recipe, by_hand=by_hand) == preflight.inspect(recipe, by_hand=by_hand)
