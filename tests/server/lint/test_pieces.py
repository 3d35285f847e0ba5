"""A file that is checked piece by piece, on several processes or out of the cache, gives what it gives as one text."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintune_schemas.errors import LintuneError
from lintune_server.lint import cache, judging, kept, pieces, scanning
from lintune_server.lint.context import Context, context_for
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.peers import Peers

EXAMPLE = Path(__file__).parents[3] / "examples" / "smart-home"

LINES = [
    '{"prompt": "Hi", "completion": "Hello!"}',
    '{"prompt": "Bye", "completion": "Bye é😀!"}',
    '{"prompt": "Bye", "completion": "", "_lintune_ignore": ["SF111", "JL001"]}',
    '{"prompt": "Hi"',
    '{"prompt": "a\u2028b", "completion": "c"}',
    '{"messages": [{"role": "human", "content": "Hi"}]}',
    "[]",
    "",
    "  ",
    "\udcff",
]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr("lintune_schemas.cache.cache_folder", lambda: folder)
    return folder / "lint"


def found_on_disk(path: Path, context: Context) -> list:
    scan = scanning.scan(path, context)
    found = [*scan.not_json_lines, *scan.part.findings]
    if not scan.not_json_lines:
        found += judging.judge(scan.data, scan.part, Peers.of(context, lambda _: None), lambda _: True)
    return sorted(found, key=lambda finding: (finding.range, finding.code))


def found_in_text(path: Path, context: Context) -> list:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return sorted(DatasetLinter(path, context).check(text), key=lambda finding: (finding.range, finding.code))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"])), min_size=1),
    st.integers(1, 200),
    st.booleans(),
)
def test_pieces_of_any_size_give_the_same(tmp_path, lines, size, ended):
    text = "".join(line + end for line, end in lines)
    path = tmp_path / "a.jsonl"
    path.write_bytes((text if ended else text.rstrip("\r\n")).encode("utf-8", "surrogateescape"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", size)
        assert found_on_disk(path, Context()) == found_in_text(path, Context())


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Half a megabyte of the example's samples, with a defect in every hundredth line, beside a recipe."""
    path = tmp_path / "train.jsonl"
    lines = (EXAMPLE / "data" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    with path.open("w", encoding="utf-8") as file:
        for number in range(2_000):
            line = lines[number % len(lines)].replace('"user", "content": "', f'"user", "content": "{number}: ')
            file.write(line.replace("assistant", "gpt") + "\n" if number % 100 == 7 else line + "\n")
    (tmp_path / "recipe.yaml").write_text((EXAMPLE / "recipe.yaml").read_text().replace("data/", ""))
    return path


def parts(path: Path) -> tuple:
    scan = scanning.scan(path, context_for(path))
    part = scan.part
    return part.findings, part.columns, part.samples, part.tokens, part.trained_tokens, part.shape


def test_processes_give_the_same(large, monkeypatch):
    alone = parts(large)
    monkeypatch.setattr(pieces, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(pieces, "_can_fork", lambda: True)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 16)
    monkeypatch.setattr(cache, "get", lambda *_: None)
    started = []
    monkeypatch.setattr(pieces.ProcessPoolExecutor, "submit", _counted(started))
    assert parts(large) == alone
    assert len(started) > 4


def _counted(started):
    submit = pieces.ProcessPoolExecutor.submit

    def counted(self, *arguments):
        started.append(arguments)
        return submit(self, *arguments)

    return counted


def test_a_process_that_dies_is_a_clear_error(large, monkeypatch):
    monkeypatch.setattr(pieces, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(pieces, "_can_fork", lambda: True)
    monkeypatch.setattr(pieces.PieceChecker, "check", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(LintuneError, match="was killed, perhaps out of memory"):
        parts(large)


class TestCache:
    def test_the_second_time_nothing_is_checked(self, large, monkeypatch, own_cache):
        first = parts(large)
        assert any(path.is_file() for path in own_cache.rglob("*"))
        monkeypatch.setattr(pieces.LineChecker, "check", lambda *_: pytest.fail("it was checked again"))
        assert parts(large) == first

    @pytest.mark.parametrize(
        "damage",
        [
            lambda path: path.unlink(),
            lambda path: path.write_bytes(path.read_bytes()[:100]),
            lambda path: path.write_bytes(b""),
            lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"),
            lambda path: path.chmod(0),
        ],
    )
    def test_a_damaged_entry_is_none(self, large, own_cache, damage):
        first = parts(large)
        entries = [path for path in own_cache.rglob("*") if path.is_file()]
        for path in entries:
            damage(path)
        assert parts(large) == first

    def test_another_recipe_is_another_result(self, large):
        before = parts(large)
        recipe = large.with_name("recipe.yaml")
        recipe.write_text(recipe.read_text().replace("sequence_len: 128", "sequence_len: 40"))
        assert len(parts(large)[0]) > len(before[0])

    def test_a_changed_line_is_seen(self, large):
        before = parts(large)
        large.write_text(large.read_text().replace("assistant", "bot", 1))
        assert len(parts(large)[0]) == len(before[0]) + 1

    def test_where_nothing_can_be_kept_all_is_checked(self, large, monkeypatch, tmp_path):
        file = tmp_path / "file"
        file.touch()
        monkeypatch.setattr("lintune_schemas.cache.cache_folder", lambda: file)
        assert parts(large)[0]

    def test_the_folder_does_not_grow_without_end(self, large, own_cache, monkeypatch):
        parts(large)
        monkeypatch.setattr("lintune_schemas.cache._LARGEST", 10)
        cache.prune()
        assert not [path for path in own_cache.glob("*/*") if path.is_file()]

    def test_it_holds_what_was_found(self, large):
        """Not a thing less: what is read again is equal to what was kept."""
        context = context_for(large)
        checker = pieces.PieceChecker(large, large, scanning.scan(large, context).data.surroundings)
        checked = checker.check(pieces.Piece(0, large.stat().st_size))
        kept.put(b"key", checked)
        assert kept.get(b"key") == checked


def test_a_file_that_changes_while_it_is_read(large, monkeypatch):
    check = pieces.check

    def slow(*arguments):
        result = check(*arguments)
        large.write_text(large.read_text() + "{}\n")
        return result

    monkeypatch.setattr(pieces, "check", slow)
    with pytest.raises(LintuneError, match=r"changed while it was read\. Check it again"):
        scanning.scan(large, context_for(large))


def test_a_file_that_is_cut_while_it_is_read(large, monkeypatch):
    cut = pieces.cut

    def slow(file, size):
        for piece in cut(file, size):
            os.truncate(large, 1000)
            yield piece

    monkeypatch.setattr(pieces, "cut", slow)
    with pytest.raises(LintuneError, match=r"was cut short while it was read\. Check it again"):
        scanning.scan(large, context_for(large))
