"""What was found before, kept under a hash of all that it depends on. Safe to delete, to share, and to corrupt."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import orjson

from lintune_schemas import atomic
from lintune_schemas.base_model import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST = 1 << 30
"""Bytes of all entries together. When there are more, those go that were not used for longest."""
_CHECKED_EVERY = 86_400
"""Seconds between looks at the size of the folder."""
_SUM = 16
"""Bytes of the checksum that every entry begins with."""

Stored = TypeVar("Stored")


class Cache:
    """A folder of entries in the user's cache.

    name: the folder's. code: folders of the Python modules that make what is kept; when they change, nothing that was
    kept before is found any more. Those of this package count in any case.
    """

    def __init__(self, name: str, *code: Path) -> None:
        self._name = name
        self._modules = (Path(__file__).parent, *code)

    def key_of(self, *parts: bytes | str) -> bytes:
        """A key for what depends on these and on Lintune's own code."""
        digest = hashlib.blake2b(self._code, digest_size=20)
        for part in parts:
            data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)
        return digest.digest()

    def get(self, key: bytes, type_: type[Stored]) -> Stored | None:
        """What was put under the key; None when there is nothing, or nothing whole."""
        path = self._path(key)
        try:
            entry = path.read_bytes()
        except OSError:
            return None
        data = entry[_SUM:]
        if _checksum(data) != entry[:_SUM]:
            return None
        with suppress(OSError):
            os.utime(path)
        try:
            return msgspec.msgpack.decode(data, type=type_, dec_hook=_decoded)
        except msgspec.MsgspecError:
            return None

    def put(self, key: bytes, value: Any) -> None:
        """Keep a value. Where it cannot be written, it is not kept."""
        data = msgspec.msgpack.encode(value, enc_hook=_encoded)
        path = self._path(key)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{atomic.PARTIAL_PREFIX}{os.getpid()}-{path.name}")
            partial.write_bytes(_checksum(data) + data)  # not flushed to the disk: the checksum sees what is missing
            partial.replace(path)

    def prune(self) -> None:
        """Keep the folder from growing without end. Looks at it once a day."""
        looked = self._folder / ".looked"
        with suppress(OSError):
            if looked.exists() and time.time() - looked.stat().st_mtime < _CHECKED_EVERY:
                return
            looked.touch()
            entries = sorted(self._entries(), reverse=True)
            total = 0
            for _, size, path in entries:
                total += size
                if total > _LARGEST:
                    path.unlink(missing_ok=True)

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        for path in self._folder.glob("*/*"):
            with suppress(OSError):
                stat = path.stat()
                yield stat.st_mtime, stat.st_size, path

    @property
    def _folder(self) -> Path:
        return cache_folder() / self._name

    def _path(self, key: bytes) -> Path:
        name = key.hex()
        return self._folder / name[:2] / name[2:]

    @cached_property
    def _code(self) -> bytes:
        """Changes whenever our own code does, or what is installed beside it."""
        digest = hashlib.blake2b()
        for path in (module for folder in self._modules for module in sorted(folder.rglob("*.py"))):
            stat = path.stat()
            digest.update(f"{path.name}:{stat.st_size}:{stat.st_mtime_ns};".encode())
        installed = Path(orjson.__file__).parents[1]
        digest.update(f"{installed}:{installed.stat().st_mtime_ns}".encode())
        return digest.digest()


def _checksum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_SUM).digest()


def _encoded(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(type(value))


def _decoded(type_: type, value: Any) -> Any:
    if type_ is Path:
        return Path(value)
    raise NotImplementedError(type_)
