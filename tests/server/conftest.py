"""Fixtures for tests of the server."""

from pathlib import Path

import pytest

from lintune_schemas.base_model import cache_folder

from .scripted_trainer import put_before_the_real_trainer


@pytest.fixture
def scripted_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted trainer instead of the real one, for child processes."""
    put_before_the_real_trainer(monkeypatch)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache in which no model has answered yet. The tokenizers, which take seconds to make, are everyone's."""
    cache = tmp_path / "cache"
    (cache / "lintune").mkdir(parents=True)
    (cache / "lintune" / "tokenizers").symlink_to(cache_folder() / "tokenizers")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
