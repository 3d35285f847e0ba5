"""Fixtures for tests of the server."""

import os
from pathlib import Path

import pytest

SCRIPTED_TRAINER = Path(__file__).parent / "scripted_trainer"


@pytest.fixture
def scripted_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer of `scripted_trainer/` instead of the real one, for child processes."""
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(SCRIPTED_TRAINER), before])))
