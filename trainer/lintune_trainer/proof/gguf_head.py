"""GGUF files as `gguf` reads them, without what takes it seconds: the tokenizer's lists."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from gguf import GGUFReader, GGUFValueType

_LONG = 1024
"""Entries of a list. Those with one for each layer are shorter, those with one for each token are longer."""


class Reader(GGUFReader):  # type: ignore[misc]
    """A field that is such a list has no contents. Raises ValueError for a file that is no GGUF, or ends early."""

    def _get_field_parts(self, orig_offs: int, raw_type: int) -> tuple[int, list[Any], list[int], list[GGUFValueType]]:
        if raw_type == GGUFValueType.ARRAY:
            try:
                kind, length = struct.unpack_from("<IQ", self.data, orig_offs)
                if length > _LONG:
                    types = [GGUFValueType.ARRAY, GGUFValueType(kind)]
                    return self._size(orig_offs + 12, kind, length) + 12, [], [], types
            except struct.error as error:
                raise ValueError(f"it ends within its metadata ({error})") from error
        found: tuple[int, list[Any], list[int], list[GGUFValueType]] = super()._get_field_parts(orig_offs, raw_type)
        return found

    def _size(self, start: int, kind: int, length: int) -> int:
        """Bytes of a list's entries."""
        if kind != GGUFValueType.STRING:
            return int(length * np.dtype(self.gguf_scalar_to_np[GGUFValueType(kind)]).itemsize)
        at, data = start, memoryview(self.data)
        for _ in range(length):
            at += 8 + struct.unpack_from("<Q", data, at)[0]
        return at - start
