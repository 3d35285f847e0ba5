"""The diff of edits against applying them, and against `patch`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune_server.lint import fixing, line_diff, scanning
from lintune_server.lint.findings import Edit, Position, Range

LINES = st.lists(st.sampled_from(["a", "b", "{}", "é🏠", ""]), min_size=1, max_size=30)


def positions(text: str) -> list[Position]:
    return [Position(number, column) for number, line in enumerate(text.split("\n")) for column in range(len(line) + 1)]


@st.composite
def edited(draw: st.DrawFn, text: str) -> list[Edit]:
    places = positions(text)
    fixes = []
    for _ in range(draw(st.integers(0, 5))):
        start, end = sorted(draw(st.tuples(st.sampled_from(places), st.sampled_from(places))))
        fixes.append([Edit(Range(start, end), draw(st.sampled_from(["", "x", "\n", "x\ny\n", "a"])))])
    return fixing.independent(fixes)


@settings(max_examples=300)
@given(LINES, st.data())
def test_two_rounds_of_edits_give_a_diff_that_patch_applies(lines, data):
    text = "\n".join(lines)
    once = data.draw(edited(text))
    between = fixing.apply(text, once)
    twice = data.draw(edited(between))
    after = fixing.apply(between, twice)
    hunks = line_diff.then(line_diff.hunks_of(once), line_diff.hunks_of(twice))
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old"), Path(folder, "new")
        old.write_text(text, newline="")
        new.write_text(after, newline="")
        diff = b"".join(line_diff.unified(scanning.lines_of(old), scanning.lines_of(new), hunks, "old"))
    assert (diff == b"") == (text == after)
    assert applied(text, diff.decode()) == after


def applied(text: str, diff: str) -> str:
    """As `patch` does it."""
    old = text.split("\n")
    old = [f"{line}\n" for line in old[:-1]] + ([old[-1]] if old[-1] else [])
    new: list[str] = []
    at = 0
    rows = [f"{row}\n" for row in diff.split("\n")[2:-1]]
    for index, row in enumerate(rows):
        unended = index + 1 < len(rows) and rows[index + 1].startswith("\\")
        line = row[1:].removesuffix("\n") if unended else row[1:]
        if row.startswith("@@"):
            place, _, count = row.split()[1][1:].partition(",")
            start = int(place) - (count != "0")
            new += old[at:start]
            at = start
        if row[0] in " -":
            assert old[at] == line
            at += 1
        if row[0] in " +":
            new.append(line)
    return "".join(new + old[at:])


@pytest.mark.skipif(shutil.which("patch") is None, reason="patch is not installed")
def test_patch_reads_it(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    text = "".join(f"{number}\n" for number in range(40)) + "last"
    edits = [
        Edit(Range(Position(1, 0), Position(1, 1)), "one"),
        Edit(Range(Position(3, 0), Position(4, 0)), ""),
        Edit(Range(Position(20, 1), Position(20, 1)), "\nmore"),
        Edit(Range(Position(40, 4), Position(40, 4)), "\n"),
    ]
    old.write_text(text)
    new.write_text(fixing.apply(text, edits))
    hunks = line_diff.hunks_of(edits)
    diff = b"".join(line_diff.unified(scanning.lines_of(old), scanning.lines_of(new), hunks, "old"))
    subprocess.run(["patch", str(old)], input=diff, check=True, capture_output=True)
    assert old.read_text() == new.read_text()


def test_carriage_returns_are_kept(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"a\r\nb\nc\n")
    new.write_bytes(b"a\nb\nc\n")
    hunks = line_diff.hunks_of([Edit(Range(Position(0, 1), Position(1, 0)), "\n")])
    diff = b"".join(line_diff.unified(scanning.lines_of(old), scanning.lines_of(new), hunks, "old"))
    assert diff.split(b"@@\n")[1] == b"-a\r\n+a\n b\n c\n"
