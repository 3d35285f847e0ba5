"""The workspace's sidecar for anybody: a real server, the real demo model with adapters on it, asked over HTTP."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio
from pygls.exceptions import JsonRpcException

from lintune_schemas import base_model
from lintune_schemas.runs import checkpoint_adapter

from ..sidecar.adapter_file import write_adapter
from ..sidecar.workspace import add_run
from . import test_real_previews as previews
from .editor import Editor

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

RECIPE = previews.RECIPE.replace("max_tokens: 8", "max_tokens: 8, temperature: 0.5, prefetch: false")
MESSAGES = [{"role": "user", "content": "What is the capital of France? One word."}]


class Workspace:
    """A folder with two runs, the older one with a checkpoint; their adapters change nothing."""

    def __init__(self, folder: Path, editor: Editor) -> None:
        self.folder = folder
        self.recipe = folder / "recipe.yaml"
        self.editor = editor

    async def request(self, method: str, **params: Any) -> Any:
        return await self.editor.client.protocol.send_request_async(method, params)

    async def refusal(self, method: str, **params: Any) -> str:
        with pytest.raises(JsonRpcException) as refused:
            await self.request(method, **params)
        assert refused.value.code == -32803
        return str(refused.value)

    @property
    def sidecars(self) -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(self.editor.process.pid).children()
            if child.status() != psutil.STATUS_ZOMBIE and any("sidecar.worker" in word for word in child.cmdline())
        ]


def answer_of(served: Any, model: str, **body: Any) -> httpx.Response:
    return httpx.post(
        f"{served.url}/chat/completions",
        headers={"Authorization": f"Bearer {served.key}"},
        json={"model": model, "messages": MESSAGES, "max_tokens": 8, "temperature": 0, **body},
        timeout=60,
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workspace]:
    folder = tmp_path_factory.mktemp("serving").resolve() / "tuned"
    folder.mkdir()
    demo = base_model.find(base_model.DEMO_MODEL, Path()).path
    assert demo
    runs = [add_run(folder / "recipe.yaml", name, model=demo) for name in ("20260101-a", "20260102-b")]
    for run in runs:
        write_adapter(run / "adapter.gguf", demo, strength=0.0)
        (run / "recipe.lock.yaml").write_text(RECIPE)
    checkpoint = checkpoint_adapter(runs[0], 5)
    checkpoint.parent.mkdir()
    write_adapter(checkpoint, demo, strength=0.0)
    (folder / "recipe.yaml").write_text(RECIPE)
    for name in ("train.jsonl", "eval.jsonl"):
        (folder / name).write_text(previews.CAPITAL)
    editor = Editor()
    await editor.start(folder)
    editor.open(folder / "train.jsonl")
    await editor.hover_until(folder / "train.jsonl", 0, "learned")
    yield Workspace(folder, editor)
    await editor.leave()


async def test_all_that_can_be_asked(opened: Workspace) -> None:
    for place in ({}, {"recipe": opened.recipe.as_uri()}, {"recipe": (opened.folder / "train.jsonl").as_uri()}):
        found = await opened.request("lintune/models", **place)
        assert found.recipe == opened.recipe.as_uri()
        assert [(one.id, one.title, one.detail) for one in found.models] == [
            ("run:20260102-b", "Tuned model", "run 20260102-b"),
            ("run:20260101-a", "Tuned model", "run 20260101-a"),
            ("run:20260101-a:5", "Step 5", "run 20260101-a"),
            ("base", "Base model", "smollm2-135m-instruct"),
        ]
        assert found.usual == ["run:20260102-b", "base"]
        assert (found.preview.maxTokens, found.preview.temperature, found.ownTemplate) == (8, 0.5, True)
        assert [(one.name, one.eval) for one in found.datasets] == [("train.jsonl", False), ("eval.jsonl", True)]


async def test_served_models_answer_to_whoever_has_the_key(opened: Workspace) -> None:
    served = await opened.request("lintune/serve", recipe=opened.recipe.as_uri())
    assert [one.title for one in served.models] == ["Tuned model", "Base model"]
    assert served.recipe == opened.recipe.as_uri()
    assert served.run == "20260102-b"
    answers = [answer_of(served, one.id).json()["choices"][0]["message"]["content"] for one in served.models]
    assert "Paris" in answers[0]
    assert answers[0] == answers[1], "the adapter changes nothing"
    assert httpx.get(f"{served.url}/models", headers={"Authorization": "Bearer no"}).status_code == 401

    some = await opened.request("lintune/serve", models=["run:20260101-a:5", "run:20260101-a"])
    assert [answer_of(some, one.id).status_code for one in some.models] == [200, 200]
    assert (some.url, some.key) == (served.url, served.key), "by the same process"
    of_run = await opened.request("lintune/serve", run=str(opened.folder / ".lintune/runs/20260101-a"))
    assert [(one.title, one.run) for one in of_run.models] == [("Tuned model", "20260101-a"), ("Base model", None)]
    assert len(opened.sidecars) == 1


async def test_hovers_ask_the_same_process(opened: Workspace) -> None:
    served = await opened.request("lintune/serve")
    before = opened.sidecars
    opened.editor.rewrite(opened.folder / "train.jsonl", previews.CAPITAL.replace("France", "Norway"))
    await opened.editor.hover_until(opened.folder / "train.jsonl", 0, r"Base model\*\* ·.* tokens/s")
    assert opened.sidecars == before
    assert answer_of(served, served.models[0].id).status_code == 200


async def test_a_process_that_was_killed_is_started_anew(opened: Workspace) -> None:
    served = await opened.request("lintune/serve")
    (process,) = opened.sidecars
    process.kill()
    await opened.editor.until(lambda: not opened.sidecars)
    again = await opened.request("lintune/serve")
    assert again.key == served.key
    assert answer_of(again, again.models[0].id).status_code == 200


async def test_what_cannot_be_served_is_said(opened: Workspace) -> None:
    said = await opened.refusal("lintune/serve", models=["run:20250101-x"])
    assert said == "The model run:20250101-x is not there any more. Choose another one."
    assert "no run" in await opened.refusal("lintune/serve", run=str(opened.folder))
    assert "list of texts" in await opened.refusal("lintune/serve", models="base")
    assert "no recipe" in await opened.refusal("lintune/models", recipe="file:///nowhere/else/train.jsonl")
    assert not any("internal error" in shown for shown in opened.editor.shown)


async def test_without_trust_nothing_is_served(opened: Workspace) -> None:
    editor = Editor()
    try:
        await editor.start(opened.folder, {"trusted": False})
        workspace = Workspace(opened.folder, editor)
        for method in ("lintune/serve", "lintune/models"):
            assert "not trusted" in await workspace.refusal(method)
        assert workspace.sidecars == []
    finally:
        await editor.leave()


async def test_a_recipe_whose_base_model_is_elsewhere(opened: Workspace, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("smollm2-135m-instruct", "nobody/nothing"))
    said = await opened.refusal("lintune/serve", recipe=recipe.as_uri())
    assert said.startswith("There is no model to ask yet: nobody/nothing is not on this machine")


async def test_a_prompt_by_the_recipes_own_template(opened: Workspace, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE + "chat_template: jinja\nchat_template_jinja: \"{{ messages[0]['content'] }} =>\"\n")
    shutil.copy(opened.folder / "train.jsonl", tmp_path)
    assert (await opened.request("lintune/models", recipe=recipe.as_uri())).ownTemplate is False
    rendered = await opened.request("lintune/prompt", recipe=recipe.as_uri(), messages=MESSAGES)
    assert rendered.prompt == "What is the capital of France? One word. =>"
    assert "<|im_end|>" in rendered.stop
