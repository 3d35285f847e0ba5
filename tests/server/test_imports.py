"""Neither the language server nor `lintune check` ever imports torch, transformers or llama_cpp.

The interpreter itself lists what a real process imports (`-X importtime`), and the kernel what is mapped into it.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from .language_server import editor as editors
from .language_server.editor import Editor

HEAVY = {"torch", "transformers", "peft", "bitsandbytes", "accelerate", "llama_cpp"}
HEAVY_LIBRARIES = re.compile(r"libtorch|libllama|libggml|/(torch|transformers|llama_cpp|bitsandbytes)/")

EXAMPLE = Path(__file__).parents[2] / "examples" / "smart-home"


def imported(record: str) -> set[str]:
    """Top-level packages, from what `-X importtime` wrote."""
    return {name.split(".")[0] for name in re.findall(r"\|\s+([\w.]+)$", record, re.MULTILINE)}


def mapped(pid: int) -> set[str]:
    """Files in the memory of a process, as native libraries are."""
    return {region.path for region in psutil.Process(pid).memory_maps()}


@pytest.fixture
async def editor() -> AsyncIterator[Editor]:
    editor = Editor()
    yield editor
    await editor.leave()


async def test_the_language_server(editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "imports"
    command = f'exec "{editors.SERVER[0]}" -X importtime {" ".join(editors.SERVER[1:])} 2>"{record}"'
    monkeypatch.setattr(editors, "SERVER", ["sh", "-c", command])
    await editor.start(EXAMPLE, options={"trusted": False})
    data, recipe = EXAMPLE / "broken.jsonl", EXAMPLE / "recipe.yaml"
    editor.open(recipe)
    editor.open(data)
    found = await editor.diagnostics(data, 10)
    assert await editor.actions(data, found[4].range)
    assert "learned" in await editor.hover_until(data, 0, "Sample")
    await editor.lenses(data)
    assert await editor.command("lintune.ask", data.as_uri(), 0) is None
    files = await asyncio.to_thread(mapped, editor.process.pid)
    assert any("tokenizers" in file for file in files)
    assert not [file for file in files if HEAVY_LIBRARIES.search(file)]
    await editor.leave()
    seen = imported(record.read_text())
    assert {"pygls", "tokenizers", "lintune_server"} <= seen
    assert seen.isdisjoint(HEAVY)


def test_lintune_check() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "lintune_server", "check", EXAMPLE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "broken.jsonl" in done.stdout) == (1, True)
    seen = imported(done.stderr)
    assert {"tokenizers", "yaml", "lintune_server"} <= seen
    assert seen.isdisjoint({*HEAVY, "pygls"})


@pytest.mark.parametrize("name", ["llama_cpp", "transformers"])
def test_an_import_would_be_seen(name: str) -> None:
    program = f"import {name}, os, psutil; print([m.path for m in psutil.Process().memory_maps()])"
    command = [sys.executable, "-X", "importtime", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert name in imported(done.stderr)
    assert name != "llama_cpp" or HEAVY_LIBRARIES.search(done.stdout)
