"""What the sidecar refuses, and how it says so."""

import json
import socket
from typing import Any

import httpx
import psutil
import pytest

from .worker_process import TOKEN, Worker

pytestmark = pytest.mark.slow

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
TEXT: dict[str, Any] = {"prompt": "Hello", "max_tokens": 1}


def problem(response: httpx.Response) -> dict[str, Any]:
    """The error object of a response, which must be one of OpenAI's."""
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"].endswith((".", "TOKEN."))
    return error


async def test_health_needs_no_token_and_says_nothing(worker: Worker) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(f"{worker.url}/health")
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": TOKEN},
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/v1/completions", "/v1/chat/completions", "/tokenize", "/", "/x"])
async def test_nothing_else_is_answered_without_the_token(worker: Worker, headers: dict[str, str], path: str) -> None:
    async with httpx.AsyncClient(base_url=worker.url, headers=headers, trust_env=False) as http:
        for response in (await http.get(path), await http.post(path, json=CHAT)):
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
            assert problem(response)["code"] == "invalid_api_key"


def test_nothing_listens_beyond_loopback(worker: Worker) -> None:
    listening = [
        connection.laddr
        for connection in worker.process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", worker.port)]
    others = {
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    }
    for address in others:
        with pytest.raises(OSError):
            socket.create_connection((address, worker.port), timeout=2).close()


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/chat/completions", {}, None),
        ("/v1/chat/completions", {"messages": []}, "messages"),
        ("/v1/chat/completions", {"messages": [{"content": "x"}]}, "messages[0]"),
        ("/v1/chat/completions", {"messages": "Hello"}, "messages"),
        ("/v1/completions", {}, None),
        ("/v1/completions", {"prompt": 7}, "prompt"),
        ("/v1/completions", {**TEXT, "temperature": -1}, "temperature"),
        ("/v1/completions", {**TEXT, "top_p": 2}, "top_p"),
        ("/v1/completions", {**TEXT, "stop": [""]}, "stop[0]"),
        ("/tokenize", {"text": None}, "text"),
    ],
)
async def test_a_body_that_cannot_be_understood(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], param: str | None
) -> None:
    response = await http.post(path, json=body)
    assert response.status_code == 400
    assert (problem(response)["code"], problem(response)["param"]) == ("invalid_body", param)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"prompt": "\xff"}', b'{"prompt": "\\ud800"}', b"[" * 100_000])
async def test_a_body_that_is_no_json(http: httpx.AsyncClient, content: bytes) -> None:
    response = await http.post("/v1/completions", content=content)
    assert response.status_code == 400
    assert problem(response)["code"] == "invalid_body"


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/completions", {**TEXT, "n": 2}, "n"),
        ("/v1/completions", {**TEXT, "max_tokens": 0}, "max_tokens"),
        ("/v1/chat/completions", {**CHAT, "top_logprobs": 2}, "top_logprobs"),
        ("/v1/completions", {**TEXT, "prompt": ["one", "two"]}, "prompt"),
        ("/v1/chat/completions", {**CHAT, "tools": [{"type": "function"}]}, "tools"),
        (
            "/v1/chat/completions",
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages",
        ),
    ],
)
async def test_what_it_does_not_do_is_not_left_out_in_silence(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], param: str
) -> None:
    response = await http.post(path, json=body)
    assert response.status_code == 400
    assert (problem(response)["code"], problem(response)["param"]) == ("unsupported", param)


async def test_token_ids_that_are_none(http: httpx.AsyncClient) -> None:
    for ids in ([-1], [1, 49152]):
        response = await http.post("/v1/completions", json={"prompt": ids})
        assert problem(response)["code"] == "invalid_token"
    response = await http.post("/v1/completions", json={"prompt": ""})
    assert problem(response)["code"] == "empty_prompt"


async def test_an_error_in_a_streamed_request_is_an_ordinary_response(http: httpx.AsyncClient) -> None:
    response = await http.post("/v1/completions", json={"prompt": [-1], "stream": True})
    assert response.status_code == 400
    assert problem(response)["code"] == "invalid_token"


async def test_what_is_not_there(http: httpx.AsyncClient) -> None:
    for response in (await http.get("/v1/nothing"), await http.get("/v1/completions")):
        assert response.status_code in (404, 405)
        assert problem(response)["code"] == "no_such_route"


async def test_an_oversized_body_is_not_read(worker: Worker, http: httpx.AsyncClient) -> None:
    large = json.dumps({"prompt": "x" * 5 * 2**20}).encode()
    response = await http.post("/v1/completions", content=large)
    assert response.status_code == 413
    assert "4 MiB" in problem(response)["message"]

    async def pieces() -> Any:  # without a length
        for start in range(0, len(large), 2**16):
            yield large[start : start + 2**16]

    response = await http.post("/v1/completions", content=pieces())
    assert response.status_code == 413
    # A hundred megabytes are refused by their announced length, before any of them arrives.
    with socket.create_connection(("127.0.0.1", worker.port), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n"
            b"Authorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
