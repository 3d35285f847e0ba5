"""Errors as OpenAI's API words them."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A request that gets an error instead of an answer; `message` says what is wrong and what to do.

    status: of HTTP. code: for programs. param: the field of the request's body that is at fault.
    """

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param

    @property
    def body(self) -> dict[str, Any]:
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {
            "error": {"message": self.message, "type": kind, "param": self.param, "code": self.code},
        }
