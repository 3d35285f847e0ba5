"""Answers on their way to the client: as one object, or as server-sent events while they are generated."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import JSONResponse, Response

from lintune_server.sidecar.worker.events import Event, Finished, Piece
from lintune_server.sidecar.worker.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import Receive, Scope, Send

    from lintune_server.sidecar.worker.answers import AnswerFormat

_ANSWER_SECONDS = 600.0
"""From a request's body to its answer's last byte, waiting for its turn and for a slow reader included."""


class _Answer(Response):
    """Generates while it is sent. When the client goes away, or time is up, the generation ends."""

    def __init__(self, events: AsyncGenerator[Event, None], format_: AnswerFormat) -> None:
        super().__init__()
        self._events = events
        self._format = format_

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events):
            answering = asyncio.ensure_future(self._in_time(scope, receive, send))
            gone = asyncio.ensure_future(_until_gone(receive))
            try:
                await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
                if answering.done():
                    answering.result()
            finally:
                answering.cancel()
                gone.cancel()
                await asyncio.gather(answering, gone, return_exceptions=True)

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._answer(scope, receive, send)
        except ApiError as error:
            await self._fail(error, send)
        except TimeoutError:
            message = f"The answer took longer than {_ANSWER_SECONDS:.0f} s. Ask for fewer tokens (max_tokens)."
            await self._fail(ApiError(504, "time_limit", message), send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError

    async def _fail(self, error: ApiError, _send: Send) -> None:
        raise error


class WholeAnswer(_Answer):
    """One JSON object."""

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        pieces: list[Piece] = []
        async for event in self._events:
            if isinstance(event, Piece):
                pieces.append(event)
            elif isinstance(event, Finished):
                await JSONResponse(self._format.whole(pieces, event))(scope, receive, send)


class StreamedAnswer(_Answer):
    """Server-sent events, the last one `[DONE]`. An error before the first is an ordinary error response.

    include_usage: whether a chunk with the token counts, and without a choice, comes before `[DONE]`.
    """

    def __init__(self, events: AsyncGenerator[Event, None], format_: AnswerFormat, *, include_usage: bool) -> None:
        super().__init__(events, format_)
        self._include_usage = include_usage
        self._begun = False

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await anext(self._events)  # Begun; a prompt that is refused raises here
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self._begun = True
        if first := self._format.first():
            await _send_event(first, send)
        async for event in self._events:
            if isinstance(event, Piece):
                await _send_event(self._format.piece(event), send)
            elif isinstance(event, Finished):
                await _send_event(self._format.last(event), send)
                if self._include_usage:
                    await _send_event(self._format.usage(event), send)
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": False})

    async def _fail(self, error: ApiError, send: Send) -> None:
        if not self._begun:
            raise error
        # The status is sent already: the error is an event. When nobody reads it, the connection is cut.
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await _send_event(error.body, send)
                await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_event(value: dict[str, Any], send: Send) -> None:
    body = b"data: " + msgspec.json.encode(value) + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
