from __future__ import annotations

import os

import pytest

from lintune_schemas import atomic


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_write_replaces_and_keeps_the_mode(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    atomic.write_text(path, "new é")
    assert path.read_text(encoding="utf-8") == "new é"
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), atomic.new_file(path) as partial:
        partial.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "model"
    with pytest.raises(RuntimeError), atomic.new_folder(folder) as partial:
        (partial / "weights").write_bytes(b"half")
        raise RuntimeError
    assert names(tmp_path) == []
    for content in ("first", "second"):
        with atomic.new_folder(folder) as partial:
            (partial / "weights").write_text(content)
            assert not folder.exists() or (folder / "weights").read_text() == "first"
    assert (folder / "weights").read_text() == "second"
    assert names(tmp_path) == ["model"]


def test_what_a_killed_process_leaves_has_another_name(tmp_path):
    pid = os.fork()
    if pid == 0:
        with atomic.new_file(tmp_path / "model.gguf") as partial:
            partial.write_bytes(b"half")
            os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    assert len(names(tmp_path)) == 1
    assert names(tmp_path)[0].startswith(atomic.PARTIAL_PREFIX)
