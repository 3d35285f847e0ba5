"""Which of a run's models is asked, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lintune_schemas import base_model
from lintune_schemas.base_model import DEMO_MODEL, BaseModel, ModelKind
from lintune_schemas.errors import LintuneError
from lintune_server.evaluation import models
from lintune_server.sidecar.protocol import Adapted

if TYPE_CHECKING:
    from lintune_server.training.records import Record

    from .conftest import Workspace

BASE = base_model.find(DEMO_MODEL, Path())


@pytest.fixture
def record(workspace: Workspace) -> Record:
    """A run with an adapter, two GGUF files of which one was rejected, and two checkpoints."""
    run = workspace.trained()
    names = ("adapter.gguf", "model-q4_k_m.gguf", "model-f16.gguf.rejected", ".partial-model-q8_0.gguf")
    checkpoints = (f"checkpoints/adapter-{step}.gguf" for step in (20, 100))
    for name in (*names, *checkpoints, "checkpoints/.partial-adapter-3.gguf"):
        path = run.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return run


def test_the_adapter_unless_another_one_is_named(record: Record) -> None:
    found = models.choose(record, BASE, None)
    assert found.sources == {"base": BASE.path, "tuned": Adapted("base", record.folder / "adapter.gguf")}
    whole = models.choose(record, BASE, "q4_k_m")
    assert (whole.tuned, whole.file) == (record.folder / "model-q4_k_m.gguf",) * 2
    assert models.choose(record, BASE, "checkpoint:20").file.name == "adapter-20.gguf"


def test_without_an_adapter_a_whole_model(record: Record) -> None:
    (record.folder / "adapter.gguf").unlink()
    assert models.choose(record, BASE, None).name == "q4_k_m"


def test_what_there_is_none_of(record: Record) -> None:
    with pytest.raises(LintuneError, match=r"has no f16\. It has: adapter, q4_k_m, checkpoint:100, checkpoint:20\."):
        models.choose(record, BASE, "f16")


def test_a_run_without_a_model(workspace: Workspace) -> None:
    with pytest.raises(LintuneError, match=r"has no model to ask: .* lintune export"):
        models.choose(workspace.trained(), BASE, None)


@pytest.mark.parametrize("path", [None, Path("/nowhere/model.gguf")])
def test_a_base_model_that_is_not_here(record: Record, path: Path | None) -> None:
    with pytest.raises(LintuneError, match="owner/name is not here as a GGUF file"):
        models.choose(record, BaseModel("owner/name", ModelKind.GGUF, path), None)
