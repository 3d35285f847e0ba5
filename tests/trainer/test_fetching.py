"""Which models are downloaded before a run."""

import json
import struct
from pathlib import Path

import pytest

from lintune_schemas import base_model
from lintune_schemas.base_model import ModelKind
from lintune_trainer import hub, models


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The names that a hub would be asked for; its cache is in tmp_path/hub."""
    asked: list[str] = []
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub, "download", lambda name: asked.append(name) or tmp_path / "downloaded")
    return asked


def snapshot(tmp_path: Path, **files: bytes) -> Path:
    folder = tmp_path / "hub" / "models--owner--name" / "snapshots" / "1"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    for name, content in files.items():
        (folder / f"{name}.safetensors").write_bytes(content)
    return folder


def test_a_model_that_is_not_here(tmp_path: Path, downloads: list[str]) -> None:
    fetched = models.fetch(base_model.find("owner/name", tmp_path))
    assert (fetched.kind, fetched.path, downloads) == (ModelKind.FOLDER, tmp_path / "downloaded", ["owner/name"])


def test_a_model_of_which_only_the_tokenizer_was_downloaded(tmp_path: Path, downloads: list[str]) -> None:
    snapshot(tmp_path)
    assert models.fetch(base_model.find("owner/name", tmp_path)).path == tmp_path / "downloaded"
    assert downloads == ["owner/name"]


def test_a_model_that_is_here(tmp_path: Path, downloads: list[str]) -> None:
    entry = {"a.weight": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}
    head = json.dumps(entry).encode()
    folder = snapshot(tmp_path, model=struct.pack("<Q", len(head)) + head + bytes(2))
    assert models.fetch(base_model.find("owner/name", tmp_path)).path == folder
    assert models.fetch(base_model.find("smollm2-135m-instruct", tmp_path)).kind is ModelKind.GGUF
    local = tmp_path / "local"
    local.mkdir()
    (local / "config.json").write_text("{}")
    assert models.fetch(base_model.find("./local", tmp_path)).path == local
    assert downloads == []
