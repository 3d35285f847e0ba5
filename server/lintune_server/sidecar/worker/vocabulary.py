"""A model's tokens: text to ids, ids to the bytes of text."""

from __future__ import annotations

import ctypes
from functools import cached_property
from typing import TYPE_CHECKING

import llama_cpp

if TYPE_CHECKING:
    from llguidance import LLTokenizer

_PIECE = 64
"""Bytes that nearly every token's text fits into; longer ones are asked for again."""


class Vocabulary:
    """Of a loaded model, which must outlive it. pointer: llama.cpp's `llama_vocab`."""

    def __init__(self, pointer: llama_cpp.llama_vocab_p) -> None:
        self._pointer = pointer
        self._pieces: dict[int, bytes] = {}
        self.size = int(llama_cpp.llama_vocab_n_tokens(pointer))
        bos = int(llama_cpp.llama_vocab_bos(pointer))
        self._bos_to_add = bos if llama_cpp.llama_vocab_get_add_bos(pointer) and bos >= 0 else None

    def tokenize(self, text: str, *, parse_special: bool = True) -> list[int]:
        """Token ids of a text, nothing added. parse_special: read `<|im_end|>` as the control token."""
        data = text.encode()
        size = len(data) + 1
        while True:
            ids = (llama_cpp.llama_token * size)()
            count: int = llama_cpp.llama_tokenize(self._pointer, data, len(data), ids, size, False, parse_special)
            if count >= 0:
                return list(ids[:count])
            size = -count

    def with_bos(self, ids: list[int]) -> list[int]:
        """The ids with a BOS in front, when the model wants one and none is there."""
        bos = self._bos_to_add
        return [bos, *ids] if bos is not None and ids[:1] != [bos] else ids

    def is_end(self, token: int) -> bool:
        """Whether the model ends its answer with this token."""
        return bool(llama_cpp.llama_vocab_is_eog(self._pointer, token))

    def piece(self, token: int) -> bytes:
        """The text of a token in UTF-8, maybe half a character; empty for control tokens."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token, special=False)
        return piece

    def name(self, token: int) -> bytes:
        """The text of a token; of a control token its name."""
        return self.piece(token) or self._read_piece(token, special=True)

    @property
    def special_tokens(self) -> dict[str, str]:
        """What chat templates call `bos_token` and `eos_token`."""
        ids = {
            "bos_token": llama_cpp.llama_vocab_bos(self._pointer),
            "eos_token": llama_cpp.llama_vocab_eos(self._pointer),
        }
        texts = {key: llama_cpp.llama_vocab_get_text(self._pointer, id_) for key, id_ in ids.items() if id_ >= 0}
        return {key: text.decode("utf-8", "replace") for key, text in texts.items()}

    def stop_ids(self, stops: list[str]) -> set[int]:
        """Those of some stop sequences that are control tokens, which never appear in the text."""
        single = (ids[0] for text in stops if len(ids := self.tokenize(text)) == 1)
        return {id_ for id_ in single if not self.piece(id_)}

    @cached_property
    def for_grammars(self) -> LLTokenizer:
        """The vocabulary as llguidance wants it; takes a third of a second for 49,000 tokens."""
        from llguidance.llamacpp import lltokenizer_from_vocab

        ends = [id_ for id_ in range(self.size) if self.is_end(id_)]
        return lltokenizer_from_vocab(self._pointer, self.size, ends)

    def _read_piece(self, token: int, *, special: bool) -> bytes:
        size = _PIECE
        while True:
            buffer = ctypes.create_string_buffer(size)
            length: int = llama_cpp.llama_token_to_piece(self._pointer, token, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length
