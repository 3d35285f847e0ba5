"""Models share the memory that they may take, and leave it when nobody asks for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from lintune_server.sidecar.protocol import Adapted
from lintune_server.sidecar.worker import llama_log
from lintune_server.sidecar.worker.engine import bytes_needed
from lintune_server.sidecar.worker.gguf_files import identify
from lintune_server.sidecar.worker.models import Models
from lintune_server.sidecar.worker.problems import ApiError

from .adapter_file import write_adapter
from .engines import Desk

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.sidecar.protocol import Source

pytestmark = pytest.mark.slow

CONTEXT = 128


@pytest.fixture
def files(demo_model: Path, tmp_path: Path) -> dict[str, Path]:
    """Three models of the same size."""
    llama_log.capture(verbose=False)
    found = {}
    for name in ("a", "b", "c"):
        path = tmp_path / f"{name}.gguf"
        path.symlink_to(demo_model)
        found[name] = path
    return found


def loaded(models: Models) -> list[str]:
    return [file.path.stem for file in models._engines]


def test_the_one_that_was_asked_longest_ago_makes_room(files: dict[str, Path]) -> None:
    each = bytes_needed(identify(files["a"]), CONTEXT)
    models = Models(files, context=CONTEXT, threads=1, most_bytes=2 * each)
    assert models.get("a").engine.bytes == each
    models.get("b")
    models.get("a")
    assert loaded(models) == ["a", "b"]
    models.get("c")
    assert loaded(models) == ["a", "c"]
    models.close()


def test_one_that_answers_is_not_taken_away(files: dict[str, Path]) -> None:
    each = bytes_needed(identify(files["a"]), CONTEXT)
    models = Models(files, context=CONTEXT, threads=1, most_bytes=each)
    desk = Desk(models.get("a").engine)
    asked = desk.ask("Hello", 4)
    with pytest.raises(ApiError, match="does not fit beside the models that are answering") as refused:
        models.get("b")
    assert (refused.value.status, refused.value.code) == (503, "busy")
    desk.run()
    assert asked.finished
    models.get("b")
    assert loaded(models) == ["b"]
    models.close()


def test_one_that_never_fits_is_refused_with_what_it_needs(files: dict[str, Path]) -> None:
    models = Models(files, context=CONTEXT, threads=1, most_bytes=50_000_000)
    with pytest.raises(ApiError, match=r"a\.gguf needs 0\.1 GB .* there are 0\.1 GB for it. Give a smaller --context"):
        models.get("a")
    assert loaded(models) == []


def test_what_nobody_asks_for_is_unloaded(files: dict[str, Path], tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter.gguf", files["a"])
    sources: dict[str, Source] = {"tuned": Adapted("a", adapter), "a": files["a"]}
    models = Models(sources, context=CONTEXT, threads=1, unload_seconds=0.2)
    desk = Desk(models.get("tuned").engine)
    asked = desk.ask("Hello", 4)
    time.sleep(0.3)
    models.unload_idle()
    assert loaded(models) == ["a"]  # it is being answered
    desk.run()
    assert asked.finished
    models.unload_idle()
    assert loaded(models) == ["a"]  # and was until just now
    time.sleep(0.3)
    models.unload_idle()
    assert loaded(models) == []
    assert Desk(models.get("tuned").engine).answer("Hello", 2)
    models.close()
