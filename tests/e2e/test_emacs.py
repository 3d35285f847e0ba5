"""A real Emacs with the configuration that docs/editors.md shows: diagnostics, hover, a fix."""

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

STEPS = Path(__file__).with_name("emacs_steps.el")


def test_emacs(tmp_path: Path) -> None:
    emacs = shutil.which("emacs")
    if emacs is None:
        pytest.fail("Emacs is missing. Run tests/e2e/install-debian-packages.sh first.")
    workspace = copy_untrained_example(tmp_path / "workspace")
    (workspace / ".git").mkdir()  # Eglot asks git what the project is
    broken = (workspace / "broken.jsonl").read_text(encoding="utf-8")
    (snippet,) = snippets("Emacs", "elisp")
    (tmp_path / "init.el").write_text(snippet, encoding="utf-8")
    done = subprocess.run(
        [emacs, "--batch", "--funcall", "package-initialize", "--load", tmp_path / "init.el", "--load", STEPS],
        cwd=workspace,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # the `lintune` of these tests
            "HOME": str(tmp_path),
            "SEEN": str(tmp_path / "seen.json"),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))
    assert {3, 4, 6, 7, 8, 9, 10} <= set(seen["lines"])
    assert "48 of 128 tokens" in seen["hover"]
    assert (workspace / "broken.jsonl").read_text(encoding="utf-8") == broken.replace('"gpt"', '"assistant"')
