"""Asking a sidecar that runs. `supervisor.Sidecar.client()` gives one that is connected."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Unpack

from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from pathlib import Path

    import httpx

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 660.0
"""A little more than the sidecar itself allows, so that its own message comes first."""


class SidecarError(LintuneError):
    """The sidecar refused a request. code: for programs, as `context_length_exceeded`."""

    def __init__(self, message: str, code: str | None, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class SidecarGone(LintuneError):  # noqa: N818 (it names the event)
    """The process does not answer any more: killed, idle, or stopped. Asking a new one may work."""


class Piece(NamedTuple):
    """A part of a streamed answer. finish_reason, tokens_per_second: as in Completion; in the last one alone."""

    text: str
    finish_reason: str | None
    tokens_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer. text: without the end token and without the stop sequence."""

    text: str
    model: str
    finish_reason: str
    """`stop`: the model ended it, or a stop sequence came. `length`: max_tokens, or the context is full."""
    prompt_tokens: int
    completion_tokens: int
    tokens_per_second: float


class Options(TypedDict, total=False):
    """How to answer. Left out: the first model, all that the context holds, always the likeliest token."""

    model: str | None
    max_tokens: int | None
    temperature: float
    top_p: float
    stop: Sequence[str]
    seed: int | None
    priority: int
    """0 for what someone waits for, the default; larger ones wait for all smaller ones, also in mid-answer."""
    add_special_tokens: bool
    """Of completions: put the BOS that the model wants in front of a text, which is not rendered then."""


class SidecarClient:
    """Requests to the sidecar on `port` of this machine. All raise SidecarError and SidecarGone.

    A request that is cancelled, or a stream that is closed early, ends the generation, too.
    """

    def __init__(self, port: int, token: str) -> None:
        import httpx  # 80 ms, which commands that ask nothing need not wait for

        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            trust_env=False,  # a proxy is for the world outside, not for loopback
        )

    async def complete(self, prompt: str | Sequence[int], **options: Unpack[Options]) -> Completion:
        """Continue a prompt, which is taken exactly as it is: rendered already, or in token ids."""
        answer = await self._ask("/v1/completions", _completion(prompt, options))
        return _read(answer, answer["choices"][0]["text"])

    async def chat(self, messages: Sequence[Mapping[str, str]], **options: Unpack[Options]) -> Completion:
        """Answer a conversation; its prompt is rendered with the chat template in the model's file."""
        answer = await self._ask("/v1/chat/completions", _chat(messages, options))
        return _read(answer, answer["choices"][0]["message"]["content"])

    async def stream(self, prompt: str | Sequence[int], **options: Unpack[Options]) -> AsyncGenerator[Piece, None]:
        """The text of `complete` in pieces, as it is written."""
        async for choice, speed in self._stream("/v1/completions", _completion(prompt, options)):
            yield Piece(choice["text"], choice["finish_reason"], speed)

    async def stream_chat(
        self, messages: Sequence[Mapping[str, str]], **options: Unpack[Options]
    ) -> AsyncGenerator[Piece, None]:
        """The text of `chat` in pieces, as it is written."""
        async for choice, speed in self._stream("/v1/chat/completions", _chat(messages, options)):
            yield Piece(choice["delta"].get("content", ""), choice["finish_reason"], speed)

    async def render(self, messages: Sequence[Mapping[str, str]], model: str | None = None) -> str:
        """The prompt that `chat` would send. Raises SidecarError: `no_chat_template`, and what all raise."""
        body = {"messages": [dict(message) for message in messages], "model": model}
        prompt: str = (await self._ask("/apply-template", body))["prompt"]
        return prompt

    async def tokenize(self, text: str, model: str | None = None, *, parse_special: bool = True) -> list[int]:
        """The model's own tokens of a text. parse_special: read `<|im_end|>` as the control token."""
        body = {"text": text, "model": model, "parse_special": parse_special}
        ids: list[int] = (await self._ask("/tokenize", body))["tokens"]
        return ids

    async def logprobs(
        self, prompt_ids: Sequence[int], model: str | None = None, *, priority: int = 0
    ) -> list[float | None]:
        """The natural logarithm of each token's probability after those before it; of the first, None.

        prompt_ids: at least one, no more than the context holds. Their mean, negated, is the loss of the text.
        """
        body = {"model": model, "prompt": list(prompt_ids), "echo": True, "logprobs": 0, "max_tokens": 0}
        answer = await self._ask("/v1/completions", {**body, "priority": priority})
        each: list[float | None] = answer["choices"][0]["logprobs"]["token_logprobs"]
        return each

    async def load_adapter(self, id_: str, path: Path, base: str) -> None:
        """Answer as `id_` from now on with the adapter on the model `base`; another one of that id is replaced.

        path: a GGUF file. The next process knows nothing of it: `supervisor.Sidecar.load_adapter` sees to that.
        """
        body = {"lora_name": id_, "lora_path": str(path.resolve()), "base_model_name": base}
        await self._ask("/v1/load_lora_adapter", body)

    async def unload_adapter(self, id_: str) -> None:
        """Forget an adapter, once the answers that it is at work on are given. Raises SidecarError, 404."""
        await self._ask("/v1/unload_lora_adapter", {"lora_name": id_})

    async def models(self) -> list[str]:
        """Ids of the models, the default first."""
        return [entry["id"] for entry in (await self._ask("/v1/models"))["data"]]

    async def health(self) -> bool:
        """Whether the process answers. Raises nothing."""
        try:
            return bool((await self._ask("/health"))["status"] == "ok")
        except LintuneError:
            return False

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        async with self._response(path, body) as response:
            return json.loads(await response.aread())

    async def _stream(
        self, path: str, body: dict[str, Any]
    ) -> AsyncGenerator[tuple[dict[str, Any], float | None], None]:
        """The choices of the chunks, the last one with the tokens per second."""
        async with self._response(path, {**body, "stream": True}) as response:
            async for data in _events(response.aiter_bytes()):
                if data == b"[DONE]":
                    return
                chunk = json.loads(data)
                if "error" in chunk:
                    raise _error(chunk, response.status_code)
                speed = chunk.get("timings", {}).get("tokens_per_second")
                for choice in chunk["choices"]:
                    yield choice, speed
        raise SidecarGone("The model's process ended in the middle of its answer. Ask again.")

    @asynccontextmanager
    async def _response(self, path: str, body: dict[str, Any] | None) -> AsyncIterator[httpx.Response]:
        import httpx

        method = "GET" if body is None else "POST"
        try:
            async with self._http.stream(method, path, json=body) as response:
                if response.is_error:
                    raise _error(json.loads(await response.aread()), response.status_code)
                yield response
        except httpx.TimeoutException as error:
            raise SidecarGone("The model's process does not answer. Stop it and ask again.") from error
        except (httpx.TransportError, httpx.StreamError, ValueError, RuntimeError) as error:
            raise SidecarGone("The model's process is gone. Ask again to start a new one.") from error


def _completion(prompt: str | Sequence[int], options: Options) -> dict[str, Any]:
    text_or_ids = prompt if isinstance(prompt, str) else list(prompt)
    # A BOS is in the prompt already if training had one there.
    return {"add_special_tokens": False, **_options(options), "prompt": text_or_ids}


def _chat(messages: Sequence[Mapping[str, str]], options: Options) -> dict[str, Any]:
    return {**_options(options), "messages": [dict(message) for message in messages]}


def _options(options: Options) -> dict[str, Any]:
    return {"max_tokens": None, "temperature": 0.0, **options, "stop": list(options.get("stop", ()))}


def _read(answer: dict[str, Any], text: str) -> Completion:
    usage = answer["usage"]
    return Completion(
        text,
        answer["model"],
        answer["choices"][0]["finish_reason"],
        usage["prompt_tokens"],
        usage["completion_tokens"],
        answer["timings"]["tokens_per_second"],
    )


def _error(body: dict[str, Any], status: int) -> SidecarError:
    error = body["error"]
    return SidecarError(error["message"], error["code"], status)


async def _events(data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of server-sent events. Not by httpx's lines: those end at U+2028, too, which JSON may hold."""
    rest = b""
    async for chunk in data:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data: "):
                yield line.removeprefix(b"data: ")
