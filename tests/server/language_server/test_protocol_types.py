"""What attrs compiled for the protocol's types is kept, and never trusted when it is not whole."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from lintune_server.language_server import protocol_types
protocol_types.load()
from lsprotocol import types
place = types.Position(1, 2)
assert place == types.Position(1, 2) and place < types.Position(2, 0)
assert repr(types.Range(place, place)), place
try:
    types.Position(1, -1)
except ValueError:
    pass
else:
    raise AssertionError("values are looked at")
"""


def run(cache: Path) -> list[Path]:
    environment = {"XDG_CACHE_HOME": str(cache), "PATH": ""}
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, env=environment)
    return sorted(cache.rglob("*.marshal"))


def test_it_is_kept_and_read(tmp_path: Path) -> None:
    [kept] = run(tmp_path)
    before = kept.stat().st_mtime_ns
    assert run(tmp_path) == [kept]
    assert kept.stat().st_mtime_ns == before


@pytest.mark.parametrize("broken", [b"", b"\0" * 100, "half"], ids=["nothing", "zeros", "half"])
def test_what_is_broken_is_made_anew(tmp_path: Path, broken: bytes | str) -> None:
    [kept] = run(tmp_path)
    whole = kept.read_bytes()
    kept.write_bytes(broken if isinstance(broken, bytes) else whole[: len(whole) // 2])
    assert run(tmp_path) == [kept]
    assert len(kept.read_bytes()) == len(whole)


def test_a_cache_that_cannot_be_written_is_only_slow(tmp_path: Path) -> None:
    (tmp_path / "lintune").write_text("no folder")
    assert run(tmp_path) == []
