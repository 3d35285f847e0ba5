"""The real demo model, and one sidecar process that most tests ask."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from lintune_schemas import base_model
from lintune_server.sidecar.client import SidecarClient

from .worker_process import TOKEN, Worker, running


@pytest.fixture(scope="session")
def demo_model() -> Path:
    """SmolLM2-135M-Instruct as its package ships it."""
    path = base_model.find(base_model.DEMO_MODEL, Path()).path
    assert path is not None
    return path


@pytest.fixture(scope="session")
def worker(demo_model: Path) -> Iterator[Worker]:
    """A sidecar with the demo model as `tuned` and as `base`."""
    with running({"tuned": demo_model, "base": demo_model}, "--context", "512") as worker:
        yield worker


@pytest.fixture
async def client(worker: Worker) -> AsyncIterator[SidecarClient]:
    client = SidecarClient(worker.port, TOKEN)
    yield client
    await client.close()


@pytest.fixture
async def http(worker: Worker) -> AsyncIterator[httpx.AsyncClient]:
    """Raw HTTP, with the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=worker.url, headers=headers, timeout=60, trust_env=False) as http:
        yield http
