"""OpenAI's objects for answers: one for a whole answer, several chunks for a streamed one.

Beside OpenAI's own fields, an answer and the last chunk with a choice carry `timings`.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.sidecar.worker.events import Finished, Likely, Piece, Scored

Object = dict[str, Any]


class AnswerFormat(Protocol):
    """How an answer looks. `first` comes before any text of a streamed answer, when there is such a chunk."""

    def whole(self, pieces: Sequence[Piece], finished: Finished) -> Object: ...

    def first(self) -> Object | None: ...

    def piece(self, piece: Piece) -> Object: ...

    def last(self, finished: Finished) -> Object: ...

    def usage(self, finished: Finished) -> Object: ...


class TextAnswer:
    """Of `/v1/completions`. model: its id. logprobs: how many likely tokens to list; None to leave all of that out."""

    def __init__(self, model: str, logprobs: int | None = None) -> None:
        self._head = _head("cmpl", "text_completion", model)
        self._logprobs = logprobs
        self._length = 0
        """Characters of the text that have been sent in tokens, which tell where they begin."""

    def whole(self, pieces: Sequence[Piece], finished: Finished) -> Object:
        tokens = [token for piece in pieces for token in piece.tokens]
        choice = _text_choice(_text(pieces), finished.reason, self._scores(tokens))
        return {**self._head, "choices": [choice], "usage": _usage(finished), "timings": _timings(finished)}

    def first(self) -> None:
        return None

    def piece(self, piece: Piece) -> Object:
        return {**self._head, "choices": [_text_choice(piece.text, None, self._scores(piece.tokens))]}

    def last(self, finished: Finished) -> Object:
        return {**self._head, "choices": [_text_choice("", finished.reason)], "timings": _timings(finished)}

    def usage(self, finished: Finished) -> Object:
        return {**self._head, "choices": [], "usage": _usage(finished)}

    def _scores(self, tokens: Sequence[Scored]) -> Object | None:
        if self._logprobs is None:
            return None
        names = [_name(token) for token in tokens]
        offsets = []
        for name in names:
            offsets.append(self._length)
            self._length += len(name)
        top = [{_name(likely): likely.logprob for likely in token.top} or None for token in tokens]
        return {
            "tokens": names,
            "token_logprobs": [token.logprob for token in tokens],
            "top_logprobs": top if self._logprobs else None,
            "text_offset": offsets,
        }


class ChatAnswer:
    """Of `/v1/chat/completions`. model: its id. logprobs: whether to tell the probabilities of the tokens."""

    def __init__(self, model: str, *, logprobs: bool = False) -> None:
        self._head = _head("chatcmpl", "chat.completion", model)
        self._chunk = {**self._head, "object": "chat.completion.chunk"}
        self._logprobs = logprobs

    def whole(self, pieces: Sequence[Piece], finished: Finished) -> Object:
        message = {"role": "assistant", "content": _text(pieces), "refusal": None}
        scores = self._scores([token for piece in pieces for token in piece.tokens])
        choice = {"index": 0, "message": message, "logprobs": scores, "finish_reason": finished.reason}
        return {**self._head, "choices": [choice], "usage": _usage(finished), "timings": _timings(finished)}

    def first(self) -> Object:
        return {**self._chunk, "choices": [_delta({"role": "assistant", "content": ""}, None)]}

    def piece(self, piece: Piece) -> Object:
        return {**self._chunk, "choices": [_delta({"content": piece.text}, None, self._scores(piece.tokens))]}

    def last(self, finished: Finished) -> Object:
        return {**self._chunk, "choices": [_delta({}, finished.reason)], "timings": _timings(finished)}

    def usage(self, finished: Finished) -> Object:
        return {**self._chunk, "choices": [], "usage": _usage(finished)}

    def _scores(self, tokens: Sequence[Scored]) -> Object | None:
        if not self._logprobs:
            return None
        content = [{**_likely(token), "top_logprobs": [_likely(likely) for likely in token.top]} for token in tokens]
        return {"content": content, "refusal": None}


def _head(prefix: str, kind: str, model: str) -> Object:
    return {"id": f"{prefix}-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _text(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _text_choice(text: str, reason: str | None, logprobs: Object | None = None) -> Object:
    return {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": reason}


def _delta(delta: Object, reason: str | None, logprobs: Object | None = None) -> Object:
    return {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason}


def _name(token: Likely) -> str:
    return token.token.decode("utf-8", "replace")


def _likely(token: Likely) -> Object:
    return {"token": _name(token), "logprob": token.logprob, "bytes": list(token.token)}


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
