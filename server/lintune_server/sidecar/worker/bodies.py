"""What requests may ask, in OpenAI's words. Anything that would be left undone is refused, not ignored.

From other servers of this API are `top_k` and `min_p` of llama.cpp's; `add_special_tokens`, `priority` and the
loading of adapters of vLLM's.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect

from lintune_server.sidecar.worker.problems import ApiError
from lintune_server.sidecar.worker.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

MOST_LIKELY = 20
"""Likely tokens that may be asked for beside each; OpenAI's limit of chats."""

LARGEST_BODY = 4 * 2**20
"""Bytes. A prompt of 128k tokens takes about 600 kB."""

_BODY_SECONDS = 30.0
_DISCARD_SECONDS = 2.0

_Count = Annotated[int, msgspec.Meta(ge=1)]
_Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]
_Stop = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_Stops = Annotated[list[_Stop], msgspec.Meta(max_length=16)]


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class Generate(msgspec.Struct, frozen=True, kw_only=True):
    """What completions and chat completions have in common. null means the default, as it does at OpenAI."""

    model: str | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    min_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    frequency_penalty: _Penalty | None = None
    presence_penalty: _Penalty | None = None
    seed: int | None = None
    stop: _Stop | _Stops | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    priority: Annotated[int, msgspec.Meta(ge=-1000, le=1000)] = 0
    """Lower is earlier."""
    response_format: dict[str, Any] | None = None
    n: int | None = None
    logit_bias: dict[str, float] | None = None

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def include_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    def sampling(self) -> Sampling:
        names = ("temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "seed")
        given = {name: getattr(self, name) for name in names}
        return Sampling(**{name: value for name, value in given.items() if value is not None})

    def unsupported(self) -> dict[str, bool]:
        """Field → whether the request asks for something by it that this server does not do."""
        return {"n": self.n not in (None, 1), "logit_bias": bool(self.logit_bias)}


class CompletionBody(Generate, frozen=True, kw_only=True):
    """`POST /v1/completions`."""

    prompt: str | list[str | int]
    """A text, one text in a list, or token ids."""
    max_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = 16
    """OpenAI's default, small as it is; null for all that the context holds."""
    add_special_tokens: bool = True
    """Whether a BOS is put in front of a text that has none, for a model that wants one."""
    best_of: int | None = None
    echo: bool | None = None
    """Whether the text begins with the prompt. With logprobs and max_tokens 0: how likely the prompt is."""
    logprobs: Annotated[int, msgspec.Meta(ge=0, le=MOST_LIKELY)] | None = None
    suffix: str | None = None

    def unsupported(self) -> dict[str, bool]:
        return {
            **super().unsupported(),
            "best_of": self.best_of not in (None, 1),
            "max_tokens": self.max_tokens == 0 and not self.echo,
            "suffix": bool(self.suffix),
        }

    @property
    def text_or_ids(self) -> str | list[int]:
        """Raises ApiError for a list of several texts."""
        if isinstance(self.prompt, str):
            return self.prompt
        if len(self.prompt) == 1 and isinstance(self.prompt[0], str):
            return self.prompt[0]
        ids = [id_ for id_ in self.prompt if isinstance(id_, int)]
        if len(ids) != len(self.prompt):
            raise ApiError(400, "unsupported", "Send one prompt a request: a text, or token ids.", "prompt")
        return ids


class TextPart(msgspec.Struct, frozen=True):
    type: str
    text: str = ""


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[TextPart] | None = None
    tool_calls: list[Any] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class ChatBody(Generate, frozen=True, kw_only=True):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=MOST_LIKELY)] | None = None

    @property
    def likely(self) -> int | None:
        """How many likely tokens are told beside each; None for no probabilities."""
        return (self.top_logprobs or 0) if self.logprobs else None

    @property
    def limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    def unsupported(self) -> dict[str, bool]:
        parts = [part for message in self.messages if isinstance(message.content, list) for part in message.content]
        return {
            **super().unsupported(),
            "tools": bool(self.tools),
            "functions": bool(self.functions),
            "top_logprobs": bool(self.top_logprobs) and not self.logprobs,
            "messages": any(part.type != "text" for part in parts)
            or any(message.tool_calls for message in self.messages),
        }


class TemplateBody(msgspec.Struct, frozen=True):
    """`POST /apply-template`, as llama.cpp's server has it."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    model: str | None = None


class TokenizeBody(msgspec.Struct, frozen=True):
    """`POST /tokenize`. Nothing is added to the text's own tokens."""

    text: str
    model: str | None = None
    parse_special: bool = True


class LoadAdapterBody(msgspec.Struct, frozen=True):
    """`POST /v1/load_lora_adapter`."""

    lora_name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][\w.:-]*$")]
    lora_path: Annotated[str, msgspec.Meta(min_length=1)]
    base_model_name: str


class UnloadAdapterBody(msgspec.Struct, frozen=True):
    """`POST /v1/unload_lora_adapter`."""

    lora_name: str


_Body = TypeVar("_Body", CompletionBody, ChatBody, TemplateBody, TokenizeBody, LoadAdapterBody, UnloadAdapterBody)


async def read(request: Request, kind: type[_Body]) -> _Body:
    """The body of a request. Raises ApiError."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            data = await _read_bytes(request)
    except TimeoutError:
        raise ApiError(408, "slow_body", f"The body did not arrive within {_BODY_SECONDS:.0f} s.") from None
    except ClientDisconnect:
        raise ApiError(400, "incomplete_body", "The connection ended before the body was complete.") from None
    try:
        body = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(str(error)) from None
    if isinstance(body, Generate):
        for field, asked in body.unsupported().items():
            if asked:
                raise ApiError(400, "unsupported", f"This server does not do what {field} asks. Leave it out.", field)
    return body


async def _read_bytes(request: Request) -> bytes:
    too_large = ApiError(413, "body_too_large", f"The body may have {LARGEST_BODY // 2**20} MiB. Shorten the prompt.")
    length = request.headers.get("content-length", "")
    stream = request.stream()
    data = bytearray()
    refused = length.isdecimal() and int(length) > LARGEST_BODY
    while not refused and (chunk := await anext(stream, None)) is not None:
        data += chunk
        refused = len(data) > LARGEST_BODY
    if not refused:
        return bytes(data)
    if "expect" not in request.headers:
        await _discard(stream)
    raise too_large


async def _discard(stream: AsyncIterator[bytes]) -> None:
    """Take the rest of a body that is refused, for a moment.

    A client that still sends would not see the refusal, but a connection that was reset.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            async for _ in stream:
                pass


def _invalid(problem: str) -> ApiError:
    """problem: in msgspec's words, which end in "- at `$.field…`" when they are about one field."""
    at = re.search(r" - at `\$\.?(.+)`$", problem)
    where = f" in {at[1]}" if at else ""
    said = problem[: at.start()] if at else problem
    return ApiError(400, "invalid_body", f"The body cannot be understood{where}: {said}.", at[1] if at else None)
