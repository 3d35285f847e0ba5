"""A workspace, and an editor for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ..scripted_trainer import put_before_the_real_trainer
from .editor import Editor

RECIPE = """\
base_model: smollm2-135m-instruct
adapter: lora
datasets:
  - path: train.jsonl
sequence_len: 256
lintune:
  train_on_save: true
  lint: {ignore: [DS]}  # two samples are enough for a test
"""

SAMPLES = """\
{"messages": [{"role": "user", "content": "Lamp on"}, {"role": "assistant", "content": "ON"}]}
{"messages": [{"role": "user", "content": "Lamp off"}, {"role": "assistant", "content": "OFF"}]}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with a recipe that trains on save, and two samples."""
    folder = tmp_path.resolve() / "my workspace"  # spaces are escaped in URIs
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "train.jsonl").write_text(SAMPLES)
    return folder


@pytest.fixture
async def new_editor() -> AsyncIterator[Editor]:
    """An editor that is not started yet."""
    editor = Editor()
    yield editor
    await editor.leave()


@pytest.fixture
async def editor(new_editor: Editor, workspace: Path) -> Editor:
    """An editor that has opened the workspace, but no file."""
    await new_editor.start(workspace)
    return new_editor


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def linting_editor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    """One editor for all tests that only read and lint, each in a folder of its own.

    Such tests are marked `asyncio(loop_scope="session")`: the editor lives on one event loop.
    """
    editor = Editor()
    await editor.start(tmp_path_factory.mktemp("empty"))
    yield editor
    await editor.leave()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def training_editor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    """One editor for many tests that train, with the scripted trainer."""
    editor = Editor()
    with pytest.MonkeyPatch.context() as patch:
        put_before_the_real_trainer(patch)
        await editor.start(tmp_path_factory.mktemp("empty"))
    yield editor
    await editor.leave()
