from pathlib import Path

import pytest

from .command import Command


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Commands, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, capsys)
