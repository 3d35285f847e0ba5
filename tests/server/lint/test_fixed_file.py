"""Files mended whole: fixing twice is fixing once, and what nobody complained about stays as it is, byte by byte."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune_schemas.errors import LintuneError
from lintune_server.lint import checking, fixed_file, fixing
from lintune_server.lint.selection import Selection

pytestmark = pytest.mark.long

FIXTURES = Path(__file__).parents[1] / "rules" / "fixtures"
BAD = sorted(path for path in FIXTURES.glob("*/bad*.jsonl") if "-fixed" not in path.stem)
_LONGEST = 2_000

DEFECTS = sorted(
    {
        line.rstrip(b"\r\n")
        for path in BAD
        if path.stat().st_size < 100_000
        for line in path.read_bytes().splitlines()
        if len(line) < _LONGEST and b"\0" not in line
    }
)
"""Lines with something wrong, of every rule that there is."""


def mended(path: Path, *, unsafe: bool, recipe: Path | None = None) -> int:
    check = partial(checking.check, path, recipe, Selection())
    return fixed_file.fix(path, check, unsafe=unsafe).count


def clean(number: int) -> bytes:
    """A sample that no rule has anything to say about, unlike all others: seven digits, and no word in common."""
    return b'{"prompt":  "%d" , "completion": "caf\\u00e9 %d"}' % (number * 7919 + 1_000_003, number)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(DEFECTS), st.sampled_from([b"\n", b"\r\n"])), max_size=6),
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"])), min_size=3, max_size=8),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.booleans(),
    st.booleans(),
)
def test_lines_with_defects_of_many_rules(defects, places, mark, ended, unsafe):
    lines = list(defects)
    for number, (place, end) in enumerate(places):
        lines.insert(place, (clean(number), end))
    data = mark + b"".join(text + end for text, end in lines)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jsonl")
        path.write_bytes(data if ended else data.rstrip(b"\r\n"))
        before = checking.check(path, None, Selection())
        json_lines = before.scan is not None and not before.scan.not_json_lines
        mended(path, unsafe=unsafe)
        once = path.read_bytes()
        assert mended(path, unsafe=unsafe) == 0
        assert path.read_bytes() == once
        left = checking.check(path, None, Selection())
        assert not fixing.edits_of(left.findings, unsafe=unsafe)
    if json_lines:
        kept = [line.removeprefix(b"\xef\xbb\xbf") for line in once.replace(b"\r\n", b"\n").split(b"\n")]
        wanted = [text for text, _ in lines if text.startswith(b'{"prompt":  "')]
        assert [line for line in kept if line in wanted] == wanted


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_defects_of_each_rule(path, tmp_path):
    recipe = next((each for each in (path.parent / "recipe.yaml",) if each.exists()), None)
    for unsafe in (False, True):
        copy = tmp_path / f"{unsafe}.jsonl"
        copy.write_bytes(path.read_bytes())
        mended(copy, unsafe=unsafe, recipe=recipe)
        once = copy.read_bytes()
        assert mended(copy, unsafe=unsafe, recipe=recipe) == 0
        assert copy.read_bytes() == once


def test_streaming_equals_replacing_in_the_text(tmp_path):
    """The file that is written, against the obvious way."""
    for path in BAD:
        try:
            text = checking.read(path)
        except LintuneError:  # no UTF-8
            continue
        checked = checking.check(path, None, Selection())
        edits = fixing.edits_of(checked.findings, unsafe=True)
        out = tmp_path / "out.jsonl"
        with out.open("wb") as file:
            fixing.rewrite(checked.lines, edits, file)
        assert out.read_bytes() == fixing.apply(text, edits).encode()


def test_a_file_that_changes_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n\n')

    def check(content: Path | None) -> checking.Checked:
        checked = checking.check(path, None, Selection(), content)
        if content is not None:
            path.write_text("somebody else's\n")
        return checked

    with pytest.raises(LintuneError, match="changed while it was fixed"):
        fixed_file.fix(path, check, unsafe=False)
    assert path.read_text() == "somebody else's\n"
    assert [item.name for item in tmp_path.iterdir()] == ["a.jsonl"]
