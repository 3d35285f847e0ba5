"""What the models of a run answer to eval samples, by the real sidecar and the demo model with an adapter on it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pygls.exceptions import JsonRpcException

from lintune_schemas import base_model

from ..sidecar.adapter_file import write_adapter
from ..sidecar.workspace import add_run
from .editor import Editor
from .test_lineup import add_checkpoint
from .test_real_previews import RECIPE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_cache")]

SAMPLES = """\
{"messages": [{"role": "user", "content": "What is the capital of France? One word."}, \
{"role": "assistant", "content": "The capital of France is Rome."}]}
no sample
{"messages": [{"role": "user", "content": "What is the capital of Italy? One word."}, \
{"role": "assistant", "content": "Rome."}]}
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that finished, with one checkpoint; its adapters change nothing."""
    folder = tmp_path.resolve() / "tuned"
    folder.mkdir()
    demo = base_model.find(base_model.DEMO_MODEL, Path()).path
    assert demo
    run = add_run(folder / "recipe.yaml", "20260101T120000Z-0badcafe", model=demo)
    last = (run / "events.jsonl").read_bytes().splitlines(keepends=True)[-1]
    write_adapter(run / "adapter.gguf", demo, strength=0.0)
    add_checkpoint(run, 7, run / "adapter.gguf")
    with (run / "events.jsonl").open("ab") as file:
        file.write(last)
    for path in (folder / "recipe.yaml", run / "recipe.lock.yaml"):
        path.write_text(RECIPE.replace("max_tokens: 8", "max_tokens: 8, prefetch: false"))
    (folder / "train.jsonl").write_text(SAMPLES)
    (folder / "eval.jsonl").write_text(SAMPLES)
    return run


@pytest.fixture
async def told(new_editor: Editor, run: Path) -> AsyncIterator[list[str]]:
    heard: list[str] = []
    new_editor.client.feature("lintune/answersChanged")(lambda params: heard.append(params.run))
    await new_editor.start(run.parents[2])
    yield heard


async def answers(editor: Editor, run: Path, *, ask: bool = False) -> Any:
    return await editor.client.protocol.send_request_async("lintune/answers", {"run": str(run), "ask": ask})


async def test_asked_for_and_kept(new_editor: Editor, run: Path, told: list[str]) -> None:
    await new_editor.client.protocol.send_request_async("lintune/events", {"run": str(run)})
    first = await answers(new_editor, run)
    assert [(sample.line, sample.prompt, sample.answers) for sample in first.samples] == [
        (0, "What is the capital of France? One word.", []),
        (2, "What is the capital of Italy? One word.", []),
    ]
    assert (first.canAsk, first.asking, first.problem) == (True, False, None)
    assert first.samples[0].uri == (run.parents[2] / "eval.jsonl").as_uri()

    assert (await answers(new_editor, run, ask=True)).asking
    while (now := await answers(new_editor, run)).asking:
        count = len(told)
        await new_editor.until(lambda count=count: len(told) > count)
    assert set(told) == {str(run)}
    base, tuned = now.samples[0].answers
    assert (base.model, tuned.model) == ("base", "tuned")
    assert base.text == tuned.text
    assert "Paris" in base.text
    assert base.equal is False
    assert ("reference", "Rome") in [(part.kind, part.text.strip(" .")) for part in base.diff]
    assert "".join(part.text for part in base.diff if part.kind != "reference").strip() == base.text.strip()

    assert not now.canAsk, "all have answered"


async def test_a_checkpoint_that_is_gone_is_known_to_another_server_too(
    new_editor: Editor, run: Path, told: list[str]
) -> None:
    (run / "adapter.gguf").unlink()
    lines = (run / "events.jsonl").read_bytes().splitlines(keepends=True)
    (run / "events.jsonl").write_bytes(b"".join(lines[:1] + lines[2:-1]))  # it goes on, or died
    await new_editor.client.protocol.send_request_async("lintune/events", {"run": str(run)})
    await answers(new_editor, run, ask=True)
    while (now := await answers(new_editor, run)).asking:
        count = len(told)
        await new_editor.until(lambda count=count: len(told) > count)
    assert [(answer.model, answer.step) for answer in now.samples[0].answers] == [("base", None), ("checkpoint", 7)]
    shutil.rmtree(run / "checkpoints")
    other = Editor()
    try:
        await other.start(run.parents[2], {"trusted": False})
        again = await answers(other, run)
        assert [answer.text for answer in again.samples[0].answers] == [
            answer.text for answer in now.samples[0].answers
        ]
        assert not again.canAsk, "the workspace is not trusted"
    finally:
        await other.leave()


async def test_a_run_of_which_nothing_can_be_asked(new_editor: Editor, run: Path, told: list[str]) -> None:
    (run / "events.jsonl").write_bytes(b"")
    empty = await answers(new_editor, run)
    assert (empty.samples, empty.canAsk, empty.problem) == ([], False, None)
    with pytest.raises(JsonRpcException, match="no run of a recipe"):
        await answers(new_editor, run.parent)
    assert new_editor.shown == []
