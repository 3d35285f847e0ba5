"""What the suite takes for an error of ours, on lines that a window wrote."""

from pathlib import Path

import pytest

from .errors import errors_in_logs

_STACK = """\
2026-01-05 01:01:10.677 [error] Error: this went wrong
\tat Timeout._onTimeout (/home/me/.vscode/extensions/{extension}-0.1.0/out/extension.js:40:4881)
\tat listOnTimeout (node:internal/timers:581:17)
2026-01-05 01:01:10.680 [info] Eager extensions activated
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "data" / "logs" / "exthost1").mkdir(parents=True)
    return tmp_path


def say(state: Path, log: str, text: str) -> list[str]:
    (state / "data" / "logs" / "exthost1" / log).write_text(text)
    return errors_in_logs(state)


@pytest.mark.parametrize("extension, ours", [("lintune.lintune", True), ("someone.else", False)])
def test_an_error_is_ours_by_its_stack(state: Path, extension: str, ours: bool) -> None:
    found = say(state, "remoteexthost.log", _STACK.format(extension=extension))
    assert [entry.count("\n") for entry in found] == ([2] if ours else [])


@pytest.mark.parametrize(
    "line, wrong",
    [
        ("[info] 2026-01-05 ERROR lintune: Traceback (most recent call last):", True),
        ("[error] Request textDocument/hover failed.", True),
        ("[error] The Python package lintune is not installed in /usr/bin/python3.", False),
        ("[info] Starting python -m lintune_server server (from the PATH).", False),
    ],
)
def test_our_own_log(state: Path, line: str, wrong: bool) -> None:
    assert bool(say(state, "1-Lintune.log", f"2026-01-05 01:01:10.677 {line}\n")) is wrong
