"""In front of every route: the token, and the clock that tells how long nobody has asked anything."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from lintune_server.sidecar.worker.problems import ApiError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_OPEN_PATH = "/health"


class IdleClock:
    """How long there has been no request. Only requests with the token count."""

    def __init__(self) -> None:
        self._active = 0
        self._quiet_since = time.monotonic()

    @property
    def seconds(self) -> float:
        """0 while a request is being answered."""
        return 0.0 if self._active else time.monotonic() - self._quiet_since

    def __enter__(self) -> None:
        self._active += 1

    def __exit__(self, *_: object) -> None:
        self._active -= 1
        self._quiet_since = time.monotonic()


class Guard:
    """Passes on to `app` what has the token, and `/health`; else answers 401 without reading the body."""

    def __init__(self, app: ASGIApp, token: str, clock: IdleClock) -> None:
        self._app = app
        self._token = token.encode()
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == _OPEN_PATH:
            await self._app(scope, receive, send)
        elif self._has_token(scope):
            with self._clock:
                await self._app(scope, receive, send)
        else:
            error = ApiError(401, "invalid_api_key", "Send the sidecar's token: Authorization: Bearer TOKEN.")
            refusal = JSONResponse(error.body, 401, headers={"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)

    def _has_token(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1:
            return False
        scheme, _, token = given[0].partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)
