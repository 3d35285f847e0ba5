"""What a person at a terminal sees: progress, interruption, colours; and what a pipe gets."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from lintune_server.cli import progress as progress_module
from lintune_server.cli.progress import Progress
from lintune_server.cli.terminal import Look, clean

from .command import GOOD, GPT, Command

pytestmark = pytest.mark.long

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-P", "-m", "lintune_server"]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    return now


class TestProgress:
    def test_nothing_before_a_second(self, clock: list[float]):
        out = Terminal()
        with Progress(out) as progress:
            progress.start("a.jsonl")
            clock[0] = 0.9
            progress.report(10, 100)
        assert out.getvalue() == ""

    def test_a_bar_that_goes_away(self, clock: list[float]):
        out = Terminal()
        with Progress(out) as progress:
            progress.start("a\x1b.jsonl")
            clock[0] = 2.0
            progress.report(25_000_000, 100_000_000)
            assert "a·.jsonl" in out.getvalue()
            assert " 25% of 100.0 MB · 0:06 left" in out.getvalue()
            progress.report(26_000_000, 100_000_000)
            assert "26%" not in out.getvalue(), "not more often than ten times a second"
            clock[0] = 3.0
            progress.report(100_000_000, 100_000_000)
            assert out.getvalue().endswith("100% of 100.0 MB · comparing samples")
        assert out.getvalue().endswith("\r\x1b[K")

    def test_nothing_in_a_file(self, clock: list[float]):
        out = StringIO()
        with Progress(out) as progress:
            progress.start("a.jsonl")
            clock[0] = 5.0
            progress.report(1, 2)
        assert out.getvalue() == ""


def test_a_look_is_as_wide_as_the_terminal_within_reason(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for columns, width in ((40, 60), (100, 100), (400, 120)):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert Look.of(Terminal()) == Look(width, coloured=True)
    assert Look.of(StringIO()) == Look(80, coloured=False)


def test_clean_text_has_nothing_that_a_terminal_obeys():
    assert clean("a\nb\tc\x1b[31m\u202e\ud800é") == "a b c·[31m··é"


def on_a_terminal(*words: str, cwd: Path) -> tuple[int, str]:
    """Run a command with a terminal of 80 columns for its output."""
    parent, child = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen([*COMMAND, *words], cwd=cwd, stdout=child, stderr=child, env=environment)
    os.close(child)
    shown = b""
    while True:
        try:
            data = os.read(parent, 1 << 16)
        except OSError:  # how Linux says that the other end is closed
            break
        if not data:
            break
        shown += data
    os.close(parent)
    return process.wait(), shown.decode()


def test_a_check_on_a_terminal(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(GPT * 25)
    code, shown = on_a_terminal("check", "a.jsonl", "--output-format", "concise", "--select", "SF106", cwd=tmp_path)
    assert code == 1
    assert "a.jsonl:1:59: \x1b[31;1merror\x1b[0m \x1b[1mSF106\x1b[0m" in shown
    assert "and 5 more SF106 (--max-findings 0 lists them all)" in shown


def test_a_diff_on_a_terminal(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(GPT)
    _, shown = on_a_terminal("check", "a.jsonl", "--diff", "--select", "SF106", cwd=tmp_path)
    assert "\x1b[32m+{" in shown
    assert "\x1b[31m-{" in shown


def test_a_rules_page_on_a_terminal(tmp_path: Path):
    code, shown = on_a_terminal("rule", "tk203", cwd=tmp_path)
    assert code == 0
    assert "TK203 missing-end-token" in shown
    assert "##" not in shown


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path):
    """While a file is mended, in the middle of its first check."""
    path = tmp_path / "a.jsonl"
    text = "".join(GOOD.replace("Hi", f"Hello number {number}") for number in range(400_000)) + "\n"
    path.write_text(text)
    process = subprocess.Popen(
        [*COMMAND, "check", "a.jsonl", "--fix"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs the tests may ignore it
    )
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")
    assert path.read_text() == text
    assert [item.name for item in tmp_path.iterdir()] == ["a.jsonl"]
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_reader_that_leaves_is_no_error(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(GPT * 3_000)
    command = (
        f"{' '.join(COMMAND)} check a.jsonl --output-format concise --select SF106 | head -n 1; echo ${{PIPESTATUS[0]}}"
    )
    ended = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    first, code = ended.stdout.splitlines()
    assert first.startswith("a.jsonl:1:59: error SF106")
    assert code == "1"
    assert "Traceback" not in ended.stderr


def test_check_starts_without_what_it_does_not_need(run: Command):
    """Each of these takes tens of milliseconds, and a check of ten lines a few hundred."""
    run.write("a.jsonl", GOOD)
    program = "import sys; from lintune_server.cli.main import main; main(['check', 'a.jsonl']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "lintune_server.cli.reports.full_report" in loaded
    heavy = {"rich", "numpy", "jsonschema", "statistics", "asyncio", "httpx"}
    assert loaded.isdisjoint({*heavy, "lintune_server.cli.reports.html_report", "lintune_server.lint.fixed_file"})
