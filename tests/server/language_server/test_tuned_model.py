"""The workspace's sidecar, with the real demo model: which process answers, and when there is none."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from lintune_schemas import base_model, runs
from lintune_schemas.errors import LintuneError
from lintune_server.language_server.preview import Question
from lintune_server.language_server.tuned_model import TunedModel

pytestmark = pytest.mark.slow

PROMPT = "<|im_start|>user\nWhat is the capital of France? One word.<|im_end|>\n<|im_start|>assistant\nThe capital"


def question(model: Path, prompt: str = PROMPT, max_tokens: int = 12) -> Question:
    return Question(model, prompt, max_tokens, 0.0, ("<|im_end|>",))


def sidecars(folder: Path) -> list[psutil.Process]:
    """This process's sidecars with a model in a folder."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and any(f"tuned={folder}" in word for word in child.cmdline())
    ]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The demo model in a folder of its own."""
    demo = base_model.find(base_model.DEMO_MODEL, Path()).path
    assert demo is not None
    return Path(shutil.copyfile(demo, tmp_path / "model-q4_k_m.gguf"))


@pytest.fixture
async def tuned(tmp_path: Path) -> AsyncIterator[TunedModel]:
    tuned = TunedModel()
    yield tuned
    await tuned.close()
    assert sidecars(tmp_path) == []


async def test_the_first_question_starts_it_and_a_kill_does_not_end_it(
    tuned: TunedModel, model: Path, tmp_path: Path
) -> None:
    assert sidecars(tmp_path) == []
    answer = await tuned.complete(question(model))
    assert "Paris" in answer.text
    assert "<|im_end|>" not in answer.text
    assert answer.tokens_per_second > 0
    (first,) = sidecars(tmp_path)
    assert (await tuned.complete(question(model))).text == answer.text
    assert sidecars(tmp_path) == [first]
    first.kill()
    assert (await tuned.complete(question(model))).text == answer.text
    (second,) = sidecars(tmp_path)
    assert second != first
    await tuned.close()
    assert sidecars(tmp_path) == []
    assert (await tuned.complete(question(model))).text == answer.text, "closed is not for ever"


async def test_a_model_that_was_written_anew_is_loaded_anew(tuned: TunedModel, model: Path, tmp_path: Path) -> None:
    answer = await tuned.complete(question(model))
    (first,) = sidecars(tmp_path)
    whole, cut = model.with_name("whole.gguf"), model.with_name("cut.gguf")
    model.rename(whole)
    cut.write_bytes(whole.read_bytes()[:30_000_000])
    cut.rename(model)
    with pytest.raises(LintuneError, match=r"cannot load .*If the file is damaged, export it again"):
        await tuned.complete(question(model))
    assert not first.is_running()
    whole.replace(model)
    assert (await tuned.complete(question(model))).text == answer.text
    assert len(sidecars(tmp_path)) == 1


async def test_there_is_one_sidecar_whatever_model_is_asked(tuned: TunedModel, model: Path, tmp_path: Path) -> None:
    other = model.with_name("other.gguf")
    other.hardlink_to(model)
    for path in (model, other, model):
        await tuned.complete(question(path, max_tokens=1))
        (sidecar,) = sidecars(tmp_path)
        assert f"tuned={path}" in sidecar.cmdline()


async def test_closed_while_one_model_makes_way_for_another(tuned: TunedModel, model: Path, tmp_path: Path) -> None:
    other = model.with_name("other.gguf")
    other.hardlink_to(model)
    await tuned.complete(question(model, max_tokens=1))
    asking = asyncio.create_task(tuned.complete(question(other, max_tokens=1)))
    await asyncio.sleep(0)
    await tuned.close()
    with pytest.raises(LintuneError, match="stopped while it was asked"):
        await asking
    assert sidecars(tmp_path) == []


async def test_a_model_that_is_gone(tuned: TunedModel, tmp_path: Path) -> None:
    with pytest.raises(LintuneError, match=r"no\.gguf could not be read \(No such file.*Train the recipe"):
        await tuned.complete(question(tmp_path / "no.gguf"))
    assert sidecars(tmp_path) == []


async def test_what_a_run_could_learn_fits_into_the_context(tuned: TunedModel, model: Path) -> None:
    long = "word " * 7_000
    with pytest.raises(LintuneError, match="together may have 4,096"):
        await tuned.complete(question(model, long))
    await tuned.close()
    (model.parent / runs.RECIPE_LOCK).write_text("base_model: smollm2-135m-instruct\nsequence_len: 6000\n")
    with pytest.raises(LintuneError, match="together may have 6,012"):
        await tuned.complete(question(model, long))
