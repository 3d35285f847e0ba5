"""A real Neovim with the configuration that docs/editors.md shows: diagnostics, hover, fixes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .other_editors import copy_untrained_example, snippets

pytestmark = pytest.mark.slow

STEPS = Path(__file__).with_name("neovim_steps.lua")


def test_neovim(tmp_path: Path) -> None:
    neovim = shutil.which("nvim")
    if neovim is None:
        pytest.fail("Neovim is missing. Run tests/e2e/install-debian-packages.sh first.")
    workspace, fixed = (copy_untrained_example(tmp_path / name) for name in ("workspace", "fixed"))
    broken = (workspace / "broken.jsonl").read_text(encoding="utf-8").splitlines()
    for name, snippet in zip(("init", "new", "on_save"), snippets("Neovim", "lua"), strict=True):
        (tmp_path / f"{name}.lua").write_text(snippet, encoding="utf-8")
    done = subprocess.run(
        [neovim, "--headless", "--clean", "-u", tmp_path / "init.lua", "broken.jsonl", "-S", STEPS],
        cwd=workspace,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # the `lintune` of these tests
            "XDG_STATE_HOME": str(tmp_path),
            "FOR_NEW": str(tmp_path / "new.lua"),
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
    assert seen["parses"]

    # Columns count bytes in Neovim.
    assert {"line": 8, "code": "SF106", "from": 160, "to": 165} in seen["diagnostics"]
    assert {one["line"] for one in seen["diagnostics"]} >= {3, 4, 6, 7, 8, 9, 10}
    assert "51 of 128 tokens" in seen["hover"][0]

    # What is in the file is what was asked for, and nothing else.
    broken[7] = broken[7].replace('"gpt"', '"assistant"')
    assert seen["written"] == broken
    subprocess.run([sys.executable, "-m", "lintune_server", "check", "--fix", "broken.jsonl"], cwd=fixed, check=False)
    assert (workspace / "broken.jsonl").read_bytes() == (fixed / "broken.jsonl").read_bytes()
