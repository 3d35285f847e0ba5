"""Fixtures for tests of the server."""

import pytest

from .scripted_trainer import put_before_the_real_trainer


@pytest.fixture
def scripted_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted trainer instead of the real one, for child processes."""
    put_before_the_real_trainer(monkeypatch)
