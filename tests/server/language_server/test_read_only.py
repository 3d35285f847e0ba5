"""A workspace on a disk that cannot be written, with the real trainer: it refuses before it loads anything."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .editor import Editor


@pytest.fixture
def read_only(workspace: Path) -> Iterator[None]:
    """The workspace cannot be written, not even by root."""
    workspace.chmod(0o555)
    as_root = os.access(workspace, os.W_OK)
    if as_root and subprocess.run(["chattr", "+i", workspace], capture_output=True, check=False).returncode:
        pytest.skip("root can write everywhere, and this file system knows no immutable folders")
    yield
    if as_root:
        subprocess.run(["chattr", "-i", workspace], check=True)
    workspace.chmod(0o755)


async def test_a_folder_that_cannot_be_written_is_named(read_only: None, editor: Editor, workspace: Path) -> None:
    await editor.until_status("untrained")
    data = workspace / "train.jsonl"
    editor.open(data)
    assert await editor.command("lintune.train", data.as_uri()) is True
    failed = await editor.until_status("failed")
    assert failed.detail.startswith("The training could not start: ")
    assert f"{workspace / '.lintune'} cannot be written" in failed.detail
    assert editor.shown == [failed.detail]
