"""Adapters that come and go while the sidecar runs, and those that do not fit."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from lintune_schemas.errors import LintuneError
from lintune_server.sidecar.client import SidecarError
from lintune_server.sidecar.protocol import Adapted
from lintune_server.sidecar.supervisor import Sidecar

from .adapter_file import write_adapter

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from lintune_server.sidecar.client import SidecarClient

pytestmark = pytest.mark.slow

PROMPT = "The sky is"


@pytest.fixture(scope="module")
def adapter(demo_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that makes quite another model of the demo model."""
    return write_adapter(tmp_path_factory.mktemp("adapter") / "adapter.gguf", demo_model, seed=1, strength=4)


async def says(client: SidecarClient, model: str) -> str:
    return (await client.complete(PROMPT, model=model, max_tokens=8)).text


async def test_loaded_asked_replaced_and_forgotten(
    client: SidecarClient, http: httpx.AsyncClient, adapter: Path, demo_model: Path, tmp_path: Path
) -> None:
    base = await says(client, "base")
    await client.load_adapter("checkpoint:10", adapter, "base")
    await client.load_adapter("run:20261125T1-ab12", adapter, "base")
    assert await client.models() == ["tuned", "base", "checkpoint:10", "run:20261125T1-ab12"]
    listed = (await http.get("/v1/models")).json()["data"]
    assert [entry["parent"] for entry in listed] == [None, None, "base", "base"]
    assert (await http.get("/v1/models/checkpoint:10")).json()["id"] == "checkpoint:10"
    tuned = await says(client, "checkpoint:10")
    assert tuned != base
    assert await says(client, "run:20261125T1-ab12") == tuned
    assert await says(client, "base") == base

    other = write_adapter(tmp_path / "other.gguf", demo_model, seed=2, strength=4)
    await client.load_adapter("checkpoint:10", other, "base")
    assert await says(client, "checkpoint:10") not in (tuned, base)
    other.unlink()
    write_adapter(other, demo_model, strength=0)  # the same name, but it is another file now
    assert await says(client, "checkpoint:10") == base

    for id_ in ("checkpoint:10", "run:20261125T1-ab12"):
        await client.unload_adapter(id_)
    assert await client.models() == ["tuned", "base"]
    with pytest.raises(SidecarError, match="no model 'checkpoint:10' here") as refused:
        await says(client, "checkpoint:10")
    assert refused.value.code == "model_not_found"
    with pytest.raises(SidecarError, match="no adapter 'checkpoint:10' here"):
        await client.unload_adapter("checkpoint:10")


async def refusal(client: SidecarClient, path: Path, *, id_: str = "bad", base: str = "base") -> str:
    with pytest.raises(SidecarError) as refused:
        await client.load_adapter(id_, path, base)
    assert refused.value.status in (400, 404)
    assert id_ == "base" or id_ not in await client.models()
    return str(refused.value)


async def test_what_is_no_adapter_for_this_model(
    client: SidecarClient, adapter: Path, demo_model: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.gguf"
    assert "There is no adapter file" in await refusal(client, bad)
    bad.write_bytes(b"no GGUF at all")
    assert "is no GGUF file" in await refusal(client, bad)
    for size in (100, 20_000, adapter.stat().st_size - 1000):
        bad.write_bytes(adapter.read_bytes()[:size])
        assert "ends early or is damaged" in await refusal(client, bad)
    write_adapter(bad, demo_model, architecture="qwen2")
    assert f"is for qwen2 models; {demo_model.name} is a llama model" in await refusal(client, bad)
    write_adapter(bad, demo_model, wider=64)
    said = await refusal(client, bad)
    assert "does not fit" in said
    assert "trained on another base model" in said
    write_adapter(bad, demo_model, vocabulary=49_155)
    assert "trained with a tokenizer of 49155 tokens" in await refusal(client, bad)
    write_adapter(bad, demo_model, tensors=("nothing",))
    assert "holds no matrices" in await refusal(client, bad)
    assert "is no LoRA adapter" in await refusal(client, demo_model)
    assert "base is a whole model here" in await refusal(client, adapter, id_="base")
    assert "is an adapter on nobody, which is no model here" in await refusal(client, adapter, base="nobody")
    assert (await client.complete(PROMPT, model="base", max_tokens=1)).text


async def test_an_adapter_of_numbers_that_are_none(client: SidecarClient, demo_model: Path, tmp_path: Path) -> None:
    path = write_adapter(tmp_path / "nan.gguf", demo_model, strength=float("nan"))
    await client.load_adapter("nan", path, "base")
    for temperature in (0.0, 1.0):
        with pytest.raises(SidecarError, match="numbers are not finite"):
            await client.complete(PROMPT, model="nan", max_tokens=4, temperature=temperature)
    await client.unload_adapter("nan")
    assert await says(client, "base")


async def test_after_a_crash_the_adapters_are_there_again(demo_model: Path, adapter: Path, tmp_path: Path) -> None:
    gone = write_adapter(tmp_path / "gone.gguf", demo_model)
    async with Sidecar({"tuned": Adapted("base", adapter), "base": demo_model}, context=256) as sidecar:
        tuned = await sidecar.ask(lambda client: says(client, "tuned"))
        await sidecar.load_adapter("checkpoint:5", Adapted("base", adapter))
        await sidecar.load_adapter("checkpoint:4", Adapted("base", gone))
        with pytest.raises(LintuneError, match="There is no adapter file"):
            await sidecar.load_adapter("checkpoint:6", Adapted("base", tmp_path / "no.gguf"))
        gone.unlink()
        assert sidecar.pid is not None
        os.kill(sidecar.pid, signal.SIGKILL)
        assert await sidecar.ask(lambda client: says(client, "checkpoint:5")) == tuned
        assert await sidecar.ask(lambda client: client.models()) == ["tuned", "base", "checkpoint:5", "checkpoint:4"]
        with pytest.raises(SidecarError, match="There is no adapter file"):
            await sidecar.ask(lambda client: says(client, "checkpoint:4"))
        await sidecar.unload_adapter("checkpoint:4")
        assert await sidecar.ask(lambda client: client.models()) == ["tuned", "base", "checkpoint:5"]
