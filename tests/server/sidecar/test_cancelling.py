"""When the client goes away, the generation ends. Each test asks for a minute of work, and does not wait."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from lintune_server.sidecar.client import SidecarClient

from .processes import wait_until_quiet
from .worker_process import TOKEN, Worker, running

pytestmark = pytest.mark.slow

ENDLESS = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"
TOKENS = 7000


@pytest.fixture(scope="module")
def patient(demo_model: Path) -> Iterator[Worker]:
    """A sidecar with a long context."""
    with running({"tuned": demo_model}, "--context", "8192") as worker:
        yield worker


@pytest.fixture
async def client(patient: Worker) -> AsyncIterator[SidecarClient]:
    client = SidecarClient(patient.port, TOKEN)
    yield client
    await client.close()


async def answers(client: SidecarClient) -> bool:
    async with asyncio.timeout(15):
        return bool((await client.complete("2 + 2 =", max_tokens=3)).text)


async def test_a_stream_that_is_closed(patient: Worker, client: SidecarClient) -> None:
    async with aclosing(client.stream(ENDLESS, max_tokens=TOKENS)) as pieces:
        async for _ in pieces:
            break
    assert await wait_until_quiet(patient.process)
    assert await answers(client)


async def test_a_request_that_is_cancelled(patient: Worker, client: SidecarClient) -> None:
    asking = asyncio.create_task(client.complete(ENDLESS, max_tokens=TOKENS))
    await asyncio.sleep(0.5)
    asking.cancel()
    assert await wait_until_quiet(patient.process)
    assert await answers(client)


async def test_a_request_that_waits_for_its_turn(patient: Worker, client: SidecarClient) -> None:
    async with aclosing(client.stream(ENDLESS, max_tokens=TOKENS)) as pieces:
        await anext(pieces)
        waiting = asyncio.create_task(client.complete(ENDLESS, max_tokens=TOKENS))
        await asyncio.sleep(0.2)
        waiting.cancel()
    assert await wait_until_quiet(patient.process)


async def test_a_long_prompt_that_is_still_read(patient: Worker, client: SidecarClient) -> None:
    asking = asyncio.create_task(client.complete([*range(17, 8017)], max_tokens=1))
    await asyncio.sleep(0.5)
    asking.cancel()
    assert await wait_until_quiet(patient.process)
    before = await client.complete(ENDLESS, max_tokens=8)  # what was read of it is forgotten
    assert before.text.strip().startswith("17 18")


async def test_a_client_that_never_reads_keeps_nobody_waiting(patient: Worker, client: SidecarClient) -> None:
    body = json.dumps({"prompt": ENDLESS, "max_tokens": TOKENS, "stream": True}).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", patient.port))
        connection.sendall(
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN.encode()
        )
        connection.sendall(b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
        assert all([await answers(client) for _ in range(3)])
    assert await wait_until_quiet(patient.process)


async def test_a_client_that_hangs_up_without_a_word(patient: Worker, client: SidecarClient) -> None:
    body = json.dumps({"prompt": ENDLESS, "max_tokens": TOKENS, "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", patient.port)) as connection:
        connection.sendall(
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN.encode()
        )
        connection.sendall(b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
        await asyncio.to_thread(connection.recv, 100)
    assert await wait_until_quiet(patient.process)
    assert await answers(client)
