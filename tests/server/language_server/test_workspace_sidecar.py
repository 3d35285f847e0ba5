"""The workspace's sidecar, with the real demo model: which process answers, with what, and when there is none."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lintune_schemas import base_model
from lintune_schemas.errors import LintuneError
from lintune_server.language_server import workspace_sidecar
from lintune_server.language_server.preview import Answer, Model, ModelFile, Priority, Question
from lintune_server.language_server.workspace_sidecar import WorkspaceSidecar

from ..sidecar.adapter_file import write_adapter
from ..sidecar.processes import wait_until_quiet

pytestmark = pytest.mark.slow

PROMPT = "<|im_start|>user\nWhat is the capital of France? One word.<|im_end|>\n<|im_start|>assistant\nThe capital"


class Asker(WorkspaceSidecar):
    """The sidecar, and what was heard on the way to the last answer."""

    heard: list[str]

    async def answer(self, model: Model, prompt: str = PROMPT, max_tokens: int = 12) -> Answer:
        self.heard = []
        question = Question(model, prompt, max_tokens, 0.0, ("<|im_end|>",))
        return await self.ask(question, Priority.ASKED, self.heard.append)


def model_of(path: Path, adapter: Path | None = None, id_: str = "tuned") -> Model:
    return Model(ModelFile.of(path), ModelFile.of(adapter) if adapter else None, id_)


def sidecars(folder: Path) -> list[psutil.Process]:
    """This process's sidecars with a model in a folder."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and any(f"={folder}" in word for word in child.cmdline())
    ]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The demo model in a folder of its own."""
    demo = base_model.find(base_model.DEMO_MODEL, Path()).path
    assert demo is not None
    return Path(shutil.copyfile(demo, tmp_path / "model-q4_k_m.gguf"))


@pytest.fixture
async def asker(tmp_path: Path) -> AsyncIterator[Asker]:
    asker = Asker()
    yield asker
    await asker.close()
    assert sidecars(tmp_path) == []


async def test_the_first_question_starts_it_and_a_kill_does_not_end_it(
    asker: Asker, model: Path, tmp_path: Path
) -> None:
    assert sidecars(tmp_path) == []
    answer = await asker.answer(model_of(model))
    assert "Paris" in answer.text
    assert "<|im_end|>" not in answer.text
    assert answer.tokens_per_second > 0
    assert asker.heard[0] == ""
    assert asker.heard[-1] == answer.text
    assert all(after.startswith(before) for before, after in zip(asker.heard, asker.heard[1:], strict=False))
    (first,) = sidecars(tmp_path)
    assert (await asker.answer(model_of(model))).text == answer.text
    assert sidecars(tmp_path) == [first]
    first.kill()
    assert (await asker.answer(model_of(model))).text == answer.text
    (second,) = sidecars(tmp_path)
    assert second != first
    await asker.close()
    assert sidecars(tmp_path) == []
    assert (await asker.answer(model_of(model))).text == answer.text, "closed is not for ever"
    cut = await asker.answer(model_of(model), max_tokens=2)
    assert (answer.whole, cut.whole) == (True, False)


async def test_killed_in_the_middle_of_an_answer_it_is_asked_once_more(
    asker: Asker, model: Path, tmp_path: Path
) -> None:
    whole = (await asker.answer(model_of(model), "Once upon a time", 60)).text
    asking = asyncio.create_task(asker.answer(model_of(model), "Once upon a time, there", 60))
    await _until(lambda: bool(asker.heard and asker.heard[-1]))
    (process,) = sidecars(tmp_path)
    process.kill()
    assert (await asking).text
    assert "" in asker.heard[1:], "what was heard of the first one does not count"
    assert (await asker.answer(model_of(model), "Once upon a time", 60)).text == whole


async def test_adapters_are_put_on_the_base_model_that_runs(
    asker: Asker, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_sidecar, "_MOST_ADAPTERS", 2)
    base = await asker.answer(model_of(model, id_="base"))
    (process,) = sidecars(tmp_path)
    adapters = [write_adapter(tmp_path / f"{n}.gguf", model, seed=n, strength=40.0 if n else 0.0) for n in range(4)]
    same, *others = [await asker.answer(model_of(model, one, "checkpoint:5")) for one in adapters]
    assert same.text == base.text, "an adapter of nothing"
    assert len({base.text, *(other.text for other in others)}) == 4
    assert (await asker.answer(model_of(model))).text == base.text
    assert (await asker.answer(model_of(model, adapters[1]))).text == others[0].text, "it made way for others"
    assert sidecars(tmp_path) == [process], "no restart"

    adapters[1].unlink()
    process.kill()
    assert (await asker.answer(model_of(model, adapters[3]))).text == others[2].text, "loaded by the new process, too"


async def test_a_broken_adapter_is_an_error_and_nothing_more(asker: Asker, model: Path, tmp_path: Path) -> None:
    base = await asker.answer(model_of(model, id_="base"))
    whole = write_adapter(tmp_path / "whole.gguf", model)
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole.read_bytes()[:-5_000])
    foreign = write_adapter(tmp_path / "foreign.gguf", model, architecture="qwen2")
    wide = write_adapter(tmp_path / "wide.gguf", model, wider=32)
    for adapter in (cut, foreign, wide):
        with pytest.raises(LintuneError) as refused:
            await asker.answer(model_of(model, adapter))
        assert adapter.name in str(refused.value)
    assert (await asker.answer(model_of(model, whole))).text
    assert (await asker.answer(model_of(model, id_="base"))).text == base.text
    for process in sidecars(tmp_path):
        process.kill()
    assert (await asker.answer(model_of(model, id_="base"))).text == base.text, "what was refused is not loaded again"


async def test_who_lets_go_stops_the_answer_and_not_the_start(asker: Asker, model: Path, tmp_path: Path) -> None:
    asking = asyncio.create_task(asker.answer(model_of(model), "Once upon a time", 400))
    await _until(lambda: bool(sidecars(tmp_path)))
    asking.cancel()
    await asyncio.wait({asking})
    asking = asyncio.create_task(asker.answer(model_of(model), "Once upon a time", 400))
    await _until(lambda: bool(asker.heard and asker.heard[-1]))
    (process,) = sidecars(tmp_path)
    asking.cancel()
    assert await wait_until_quiet(process)


async def test_a_model_that_was_written_anew_is_loaded_anew(asker: Asker, model: Path, tmp_path: Path) -> None:
    before = model_of(model)
    answer = await asker.answer(before)
    (first,) = sidecars(tmp_path)
    whole, cut = model.with_name("whole.gguf"), model.with_name("cut.gguf")
    model.rename(whole)
    cut.write_bytes(whole.read_bytes()[:30_000_000])
    cut.rename(model)
    with pytest.raises(LintuneError, match="written anew while it was asked"):
        await asker.answer(before)
    with pytest.raises(LintuneError, match=r"cannot load .*If the file is damaged, export it again"):
        await asker.answer(model_of(model))
    assert not first.is_running()
    whole.replace(model)
    assert (await asker.answer(model_of(model))).text == answer.text
    assert len(sidecars(tmp_path)) == 1


async def test_there_is_one_sidecar_whatever_model_is_asked(asker: Asker, model: Path, tmp_path: Path) -> None:
    other = model.with_name("other.gguf")
    other.write_bytes(model.read_bytes())
    for path in (model, other, model):
        await asker.answer(model_of(path), max_tokens=1)
        (sidecar,) = sidecars(tmp_path)
        assert f"tuned={path}" in sidecar.cmdline()
    both = (ModelFile.of(model), ModelFile.of(other))
    ids = []
    for path, id_ in ((model, "base"), (other, "run:a")):
        await asker.answer(replace(model_of(path, id_=id_), beside=both, context=5_000), max_tokens=1)
        ids.append(sidecars(tmp_path))
    assert ids[0] == ids[1], "what is asked together is in memory together"


async def test_closed_while_one_model_makes_way_for_another(asker: Asker, model: Path, tmp_path: Path) -> None:
    other = model.with_name("other.gguf")
    other.write_bytes(model.read_bytes())
    await asker.answer(model_of(model), max_tokens=1)
    asking = asyncio.create_task(asker.answer(model_of(other), max_tokens=1))
    await asyncio.sleep(0)
    await asker.close()
    with pytest.raises(LintuneError, match="stopped while it was asked"):
        await asking
    assert sidecars(tmp_path) == []


async def test_a_model_that_is_gone(asker: Asker, model: Path, tmp_path: Path) -> None:
    gone = model_of(model)
    model.unlink()
    with pytest.raises(LintuneError, match=r"gguf could not be read \(No such file.*Train the recipe"):
        await asker.answer(gone)
    assert sidecars(tmp_path) == []


async def test_what_a_run_could_learn_fits_into_the_context(asker: Asker, model: Path) -> None:
    long = "word " * 7_000
    with pytest.raises(LintuneError, match="together may have 4,096"):
        await asker.answer(model_of(model), long)
    with pytest.raises(LintuneError, match="together may have 6,012"):
        await asker.answer(replace(model_of(model), context=6_012), long)


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)
