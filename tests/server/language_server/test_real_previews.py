"""Previews as an editor sees them: a real server, a real sidecar, the real demo model with an adapter on it."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
import pytest
import pytest_asyncio
from filelock import FileLock
from lsprotocol import types

from lintune_schemas import base_model, runs

from ..sidecar.adapter_file import write_adapter
from ..sidecar.processes import wait_until_quiet
from ..sidecar.workspace import add_run
from .editor import Editor
from .test_lineup import add_checkpoint, begun

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

RECIPE = """\
base_model: smollm2-135m-instruct
datasets:
  - path: train.jsonl
test_datasets:
  - path: eval.jsonl
sequence_len: 256
lintune:
  preview: {max_tokens: 8}
  lint: {ignore: [DS]}
"""
CAPITAL = (
    '{"messages": [{"role": "user", "content": "What is the capital of France? One word."}, '
    '{"role": "assistant", "content": "Paris."}]}\n'
)
LONG = '{"prompt": "%s", "completion": "b"}\n'


class Workspace:
    """A folder with a run whose adapter changes nothing, and its editor."""

    def __init__(self, folder: Path, editor: Editor) -> None:
        self.folder = folder
        self.editor = editor
        self.data = folder / "train.jsonl"

    @property
    def sidecars(self) -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(self.editor.process.pid).children()
            if child.status() != psutil.STATUS_ZOMBIE and any("sidecar.worker" in word for word in child.cmdline())
        ]

    def rewrite(self, text: str) -> None:
        self.editor.rewrite(self.data, text)

    async def inline(self, line: int, column: int) -> list[types.InlineCompletionItem]:
        context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
        found = await self.editor.client.text_document_inline_completion_async(
            types.InlineCompletionParams(
                context, types.TextDocumentIdentifier(self.data.as_uri()), types.Position(line, column)
            )
        )
        return list(found or [])  # type: ignore[arg-type]  # a list is what the server gives


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workspace]:
    folder = tmp_path_factory.mktemp("previews").resolve() / "tuned"
    folder.mkdir()
    demo = base_model.find(base_model.DEMO_MODEL, Path()).path
    assert demo
    run = add_run(folder / "recipe.yaml", "20260101-a", model=demo)
    write_adapter(run / "adapter.gguf", demo, strength=0.0)
    for file in ("recipe.yaml", ".lintune/runs/20260101-a/recipe.lock.yaml"):
        (folder / file).write_text(RECIPE)
    for name in ("train.jsonl", "eval.jsonl"):
        (folder / name).write_text(CAPITAL)
    editor = Editor()
    await editor.start(folder, {"inlineCompletion": {"enabled": True}})
    editor.open(folder / "train.jsonl")
    await editor.hover_until(folder / "train.jsonl", 0, "learned")
    yield Workspace(folder, editor)
    await editor.leave()


async def test_tuned_and_base_model_beside_the_reference(opened: Workspace) -> None:
    text = await opened.editor.hover_until(opened.data, 0, r"Base model\*\* ·.* tokens/s")
    (tuned, answer), (base, other) = re.findall(r"\*\*(?:Tuned|Base) model\*\*([^\n]*)\n(```.*?```)", text, re.DOTALL)
    assert re.fullmatch(r" · run 20260101-a · [\d,]+ tokens/s · (cut at max_tokens|`-` the reference.*)", tuned)
    assert "run" not in base
    assert answer == other, "the adapter changes nothing"
    assert "Paris" in answer
    assert "**Reference**\n```text\nParis.\n```" in text
    assert len(opened.sidecars) == 1, "both in one process"


async def test_what_was_answered_is_there_at_once_for_a_new_server_too(opened: Workspace) -> None:
    first = await opened.editor.hover_until(opened.data, 0, r"Base model\*\* ·.* tokens/s")
    assert await opened.editor.hover(opened.data, 0) == first
    editor = Editor()
    try:
        await editor.start(opened.folder)
        editor.open(opened.data, CAPITAL)
        again = await editor.hover_until(opened.data, 0, "Tuned model")
        assert again == first
        assert not Workspace(opened.folder, editor).sidecars, "no model was loaded"
    finally:
        await editor.leave()


async def test_an_untrusted_workspace_loads_no_model(opened: Workspace) -> None:
    editor = Editor()
    try:
        await editor.start(opened.folder, {"trusted": False, "inlineCompletion": {"enabled": True}})
        workspace = Workspace(opened.folder, editor)
        editor.open(opened.data, CAPITAL.replace("Paris.", "The capital"))
        text = await editor.hover_until(opened.data, 0, "learned")
        assert "model**" not in text
        assert await workspace.inline(0, len(CAPITAL)) == []
        assert await workspace.inline(0, CAPITAL.index("Paris") + 11) == []
        assert await editor.command("lintune.openAnswer", opened.data.as_uri(), 0) is None
        assert "not trusted" in editor.shown[-1]
        assert workspace.sidecars == []
    finally:
        await editor.leave()


async def test_the_whole_answers_on_a_page(opened: Workspace) -> None:
    opened.rewrite(CAPITAL)
    uri = await opened.editor.command("lintune.openAnswer", opened.data.as_uri(), 0)
    assert [params.uri for params in opened.editor.client.shown_documents] == [uri]
    page = Path(unquote(urlsplit(uri).path)).read_text()
    assert re.search(r"\*\*Tuned model\*\*.*\*\*Base model\*\*.*\*\*Reference\*\*", page, re.DOTALL)


async def test_checkpoints_of_a_training_are_asked_by_the_process_that_runs(opened: Workspace) -> None:
    opened.rewrite(CAPITAL)
    await opened.editor.hover_until(opened.data, 0, r"Base model\*\* ·.* tokens/s")
    before = opened.sidecars
    adapter = opened.folder / ".lintune/runs/20260101-a/adapter.gguf"
    run = begun(opened.folder / "recipe.yaml", "20260102-b")
    (opened.folder / "recipe.yaml").write_text(RECIPE)
    (run / "recipe.lock.yaml").write_text(RECIPE)
    try:
        with FileLock(runs.train_lock(opened.folder)):
            for step in (5, 10):
                add_checkpoint(run, step, adapter)
                text = await opened.editor.hover_until(
                    opened.data, 0, rf"Tuned so far\*\* · step {step},[^\n]* tokens/s"
                )
                assert "Paris" in text.partition("Base model")[0]
                assert "Tuned model" not in text
            assert opened.sidecars == before
            asked = await opened.editor.command("lintune.ask", opened.data.as_uri(), 0)
            assert asked["model"].endswith("adapter-10.gguf")
        assert "Tuned model" in (await opened.editor.hover(opened.data, 0) or ""), "its process is gone"
    finally:
        shutil.rmtree(run)


async def test_a_hover_that_is_cancelled_stops_the_answer(opened: Workspace) -> None:
    recipe = opened.folder / "recipe.yaml"
    recipe.write_text(RECIPE.replace("max_tokens: 8", "max_tokens: 600, prefetch: false"))
    try:
        opened.rewrite(LONG % "Tell a very long story of a hundred towns")
        opened.editor.open(recipe)
        opened.editor.save(recipe)
        part = r"Tuned model\*\*[^\n]*so far.*\[Open the whole answers\]\(file:"
        await opened.editor.hover_until(opened.data, 0, part)
        (process,) = opened.sidecars
        params = types.HoverParams(types.TextDocumentIdentifier(opened.data.as_uri()), types.Position(0, 3))
        request = "hover-to-cancel"
        hovering = asyncio.ensure_future(
            opened.editor.client.protocol.send_request_async(types.TEXT_DOCUMENT_HOVER, params, msg_id=request)
        )
        await asyncio.sleep(0.3)
        opened.editor.client.cancel_request(types.CancelParams(request))
        assert await wait_until_quiet(process)
        await asyncio.wait({hovering})
    finally:
        opened.editor.close(recipe)
        recipe.write_text(RECIPE)
        opened.rewrite(CAPITAL)


async def test_a_prompt_over_the_context_and_a_broken_adapter_are_said(opened: Workspace) -> None:
    opened.rewrite(LONG % ("word " * 5_000))
    text = await opened.editor.hover_until(opened.data, 0, "together may have")
    assert "*The prompt has 5," in text
    assert text.count("together may have") == 1, "of both models the same, once"
    opened.rewrite(CAPITAL.replace("One word", "In a word"))
    adapter = opened.folder / ".lintune/runs/20260101-a/adapter.gguf"
    whole = adapter.read_bytes()
    try:
        adapter.write_bytes(whole[:-9_000])
        text = await opened.editor.hover_until(opened.data, 0, r"adapter\.gguf")
        assert re.search(r"\*\*Tuned model\*\* · run 20260101-a\n\n\*[^\n]*adapter\.gguf", text)
        await opened.editor.hover_until(opened.data, 0, r"Base model\*\* ·.* tokens/s")
    finally:
        adapter.write_bytes(whole)


async def test_the_sidecar_is_killed_under_a_hover(opened: Workspace) -> None:
    opened.rewrite(CAPITAL.replace("France", "Spain"))
    hovering = asyncio.ensure_future(opened.editor.hover(opened.data, 0))
    await asyncio.sleep(0.05)
    for process in opened.sidecars:
        process.kill()
    assert await hovering
    await opened.editor.hover_until(opened.data, 0, r"Base model\*\* ·.* tokens/s")


async def test_what_the_cursor_is_on_is_asked_ahead(opened: Workspace) -> None:
    opened.rewrite(CAPITAL.replace("France", "Italy"))
    start = types.Position(0, 0)
    await opened.editor.actions(opened.data, types.Range(start, start))
    process = opened.sidecars[0]
    before = process.cpu_times().user
    await opened.editor.until(lambda: process.cpu_times().user > before + 0.05)
    assert await wait_until_quiet(process)
    assert len(re.findall("tokens/s", await opened.editor.hover(opened.data, 0) or "")) == 2


async def test_the_model_writes_on_in_an_answer(opened: Workspace) -> None:
    line = CAPITAL.replace("Paris.", "The capi")
    opened.rewrite(line)
    column = line.rindex("capi") + 4
    (item,) = await opened.inline(0, column)
    assert str(item.insert_text).startswith("tal of France"), "from before the word, not from the middle of it"
    assert item.range == types.Range(types.Position(0, column), types.Position(0, column))
    assert await opened.inline(0, column - 1) == [], "in the middle of a text"
    assert await opened.inline(0, 3) == []

    unfinished = line[:column]
    opened.rewrite(unfinished)
    (again,) = await opened.inline(0, column)
    assert again.insert_text == item.insert_text

    opened.rewrite(line.replace("The capi", ""))
    asking = asyncio.ensure_future(opened.inline(0, line.index("The capi")))
    await asyncio.sleep(0)  # it is sent, and the keystroke right behind it
    opened.rewrite(line)
    assert await asking == [], "a keystroke makes it void"


async def test_writing_on_is_off_unless_it_is_switched_on(opened: Workspace) -> None:
    editor = Editor()
    try:
        await editor.start(opened.folder)
        editor.open(opened.data, CAPITAL.replace("Paris.", "The capi"))
        assert editor.capabilities
        assert editor.capabilities.inline_completion_provider
        assert await Workspace(opened.folder, editor).inline(0, CAPITAL.index("Paris.") + 8) == []
    finally:
        await editor.leave()
