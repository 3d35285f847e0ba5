"""OpenAI's objects for answers: one for a whole answer, several chunks for a streamed one.

Beside OpenAI's own fields, an answer and the last chunk with a choice carry `timings`.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lintune_server.sidecar.worker.completion import Finished

Object = dict[str, Any]


class AnswerFormat(Protocol):
    """How an answer looks. `first` comes before any text of a streamed answer, when there is such a chunk."""

    def whole(self, text: str, finished: Finished) -> Object: ...

    def first(self) -> Object | None: ...

    def piece(self, text: str) -> Object: ...

    def last(self, finished: Finished) -> Object: ...

    def usage(self, finished: Finished) -> Object: ...


class TextAnswer:
    """Of `/v1/completions`. model: its id."""

    def __init__(self, model: str) -> None:
        self._head = _head("cmpl", "text_completion", model)

    def whole(self, text: str, finished: Finished) -> Object:
        choice = _text_choice(text, finished.reason)
        return {**self._head, "choices": [choice], "usage": _usage(finished), "timings": _timings(finished)}

    def first(self) -> None:
        return None

    def piece(self, text: str) -> Object:
        return {**self._head, "choices": [_text_choice(text, None)]}

    def last(self, finished: Finished) -> Object:
        return {**self._head, "choices": [_text_choice("", finished.reason)], "timings": _timings(finished)}

    def usage(self, finished: Finished) -> Object:
        return {**self._head, "choices": [], "usage": _usage(finished)}


class ChatAnswer:
    """Of `/v1/chat/completions`. model: its id."""

    def __init__(self, model: str) -> None:
        self._head = _head("chatcmpl", "chat.completion", model)
        self._chunk = {**self._head, "object": "chat.completion.chunk"}

    def whole(self, text: str, finished: Finished) -> Object:
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finished.reason}
        return {**self._head, "choices": [choice], "usage": _usage(finished), "timings": _timings(finished)}

    def first(self) -> Object:
        return {**self._chunk, "choices": [_delta({"role": "assistant", "content": ""}, None)]}

    def piece(self, text: str) -> Object:
        return {**self._chunk, "choices": [_delta({"content": text}, None)]}

    def last(self, finished: Finished) -> Object:
        return {**self._chunk, "choices": [_delta({}, finished.reason)], "timings": _timings(finished)}

    def usage(self, finished: Finished) -> Object:
        return {**self._chunk, "choices": [], "usage": _usage(finished)}


def _head(prefix: str, kind: str, model: str) -> Object:
    return {"id": f"{prefix}-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _text_choice(text: str, reason: str | None) -> Object:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}


def _delta(delta: Object, reason: str | None) -> Object:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}


def _usage(finished: Finished) -> Object:
    return {
        "prompt_tokens": finished.prompt_tokens,
        "completion_tokens": finished.completion_tokens,
        "total_tokens": finished.prompt_tokens + finished.completion_tokens,
    }


def _timings(finished: Finished) -> Object:
    return {
        "prompt_seconds": round(finished.prompt_seconds, 6),
        "completion_seconds": round(finished.completion_seconds, 6),
        "tokens_per_second": round(finished.tokens_per_second, 2),
    }
