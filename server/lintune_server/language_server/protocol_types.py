"""Importing the protocol's types in half the time.

lsprotocol has some 570 classes whose methods attrs writes and compiles at every import, which takes a tenth of a second
or more. What it compiled is kept in the user's cache, as Python keeps what it compiles of modules, and looked up by its
source.
"""

from __future__ import annotations

import builtins
import hashlib
import marshal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lintune_schemas import atomic
from lintune_schemas.base_model import cache_folder

if TYPE_CHECKING:
    from types import CodeType

_DIGEST = 32


def load() -> None:
    """Import `lsprotocol.types`. Whatever is wrong with what was kept: it is compiled anew."""
    if "lsprotocol.types" in sys.modules:
        return
    import attr._make as maker

    path = cache_folder() / "protocol-types" / f"{_key()}.marshal"
    compiler = _Compiler(_read(path))
    maker.compile = compiler  # type: ignore[attr-defined]  # in front of the built-in one, in that module alone
    try:
        import lsprotocol.types  # noqa: F401
    finally:
        del maker.compile  # type: ignore[attr-defined]
    if compiler.new:
        _write(path, compiler.known)


class _Compiler:
    """`compile`, for sources that were compiled before."""

    def __init__(self, known: dict[tuple[str, str], CodeType]) -> None:
        self.known = known
        self.new = False

    def __call__(self, source: str, filename: str, mode: str) -> CodeType:
        found = self.known.get((source, filename))
        if found is None:
            self.new = True
            found = self.known[source, filename] = builtins.compile(source, filename, mode)
        return found


def _key() -> str:
    """Another one for another Python, and for other versions of the two packages."""
    parts = [sys.implementation.cache_tag or "", sys.version]
    for name in ("attr", "lsprotocol"):
        spec = find_spec(name)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            stats = (Path(folder, file) for file in ("_make.py", "types.py"))
            parts += [f"{file}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in stats if file.is_file()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _read(path: Path) -> dict[tuple[str, str], CodeType]:
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
            return {}
        found: Any = marshal.loads(data[_DIGEST:])  # noqa: S302 (our own, and whole)
    except (OSError, ValueError, EOFError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, known: dict[tuple[str, str], CodeType]) -> None:
    data = marshal.dumps(known)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(path, hashlib.sha256(data).digest() + data)
    except OSError:  # a cache that cannot be written is only slow
        return
