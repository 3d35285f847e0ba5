"""Requests of ours beyond the protocol's own: plain objects in and out, and errors that are meant for people."""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING, Any

from pygls.exceptions import JsonRpcException

from lintune_schemas.errors import LintuneError
from lintune_server.language_server.connection import LintuneServer  # noqa: TC001 (pygls reads annotations)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lintune_server.language_server.session import Session

    Answer = Callable[[Session, dict[str, Any]], Awaitable[Any]]


class Refused(JsonRpcException):
    """The request cannot be answered, and the message says why, to a person."""

    CODE = -32803
    """RequestFailed, as LSP has it."""


def register(server: LintuneServer, method: str, answer: Answer) -> None:
    """Answer a request with what a function returns. The LintuneError that it raises is the request's error."""

    @wraps(answer)
    async def handler(ls: LintuneServer, params: Any) -> Any:
        try:
            return await answer(ls.session, _plain(params) or {})
        except LintuneError as error:
            raise Refused(str(error)) from error

    del handler.__wrapped__  # pygls looks at the parameters of what it calls
    server.feature(method)(handler)


def text(params: dict[str, Any], name: str) -> str | None:
    """A parameter that may be left out. Raises LintuneError when it is no text."""
    value = params.get(name)
    if value is not None and not isinstance(value, str):
        raise LintuneError(f"{name} is to be a text.")
    return value


def texts(params: dict[str, Any], name: str) -> list[str]:
    """A list of texts; empty when it is left out. Raises LintuneError."""
    value = params.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise LintuneError(f"{name} is to be a list of texts.")
    return value


def _plain(value: Any) -> Any:
    """pygls makes objects with attributes of what it does not know."""
    if hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


class _NoTracebacks(logging.Filter):
    """pygls logs a refusal as it logs a fault."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], Refused))


logging.getLogger("pygls.protocol.json_rpc").addFilter(_NoTracebacks())
