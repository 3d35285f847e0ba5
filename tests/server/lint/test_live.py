"""A data set that is edited gives, after every edit, what its text gives when it is read anew."""

import random
from pathlib import Path

import pytest

from lintune_server.lint import live, pieces
from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.lines import decoded, encoded, with_ends
from lintune_server.lint.live import LiveDataSet

pytestmark = pytest.mark.long

ASKED = "Where does the river that runs through the old town begin, and which way does it go from there on?"
LINES = [f'{{"prompt": "What is {number}?", "completion": "It is {number}."}}' for number in range(12)] + [
    f'{{"prompt": "{ASKED}", "completion": "In the hills, and it runs south."}}',
    f'{{"prompt": "{ASKED.lower()}", "completion": "In the hills, and it runs south."}}',
    '{"prompt": "", "completion": "x"}',
    '{"prompt": "é 🏠", "completion": " 中文 <|im_end|>"}',
    '{"prompt": "a", "completion": "b", "_lintune_ignore": ["DU301"]}',
    '{"messages": []}',
    "",
    "  ",
    "nonsense",
    '"\ud83d"',
    "[1]",
]
ENDS = ["\n"] * 8 + ["\r\n", "\r"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(live, "BLOCK_BYTES", 300)
    monkeypatch.setattr(live, "_BLOCK_LINES", 6)
    (tmp_path / "recipe.yaml").write_text(
        "base_model: smollm2-135m-instruct\ndatasets: [{path: train.jsonl}]\ntest_datasets: [{path: eval.jsonl}]\n"
    )
    (tmp_path / "eval.jsonl").write_text(LINES[0] + "\n")
    return tmp_path


def random_text(chosen: random.Random, lines: int) -> str:
    text = "".join(chosen.choice(LINES) + chosen.choice(ENDS) for _ in range(lines)) + chosen.choice(["", LINES[0]])
    return decoded(encoded(text))


def opened(folder: Path, text: str) -> LiveDataSet:
    path = folder / "train.jsonl"
    source = folder / "source"
    source.write_bytes(encoded(text))
    return LiveDataSet(path, context_for(path), source)


@pytest.mark.parametrize("seed", range(12))
def test_edits(folder: Path, seed: int) -> None:
    chosen = random.Random(seed)
    text = random_text(chosen, chosen.choice([0, 1, 5, 40]))
    data = opened(folder, text)
    linter = DatasetLinter(data.path, data.context)
    lines = with_ends(text)
    for _ in range(12):
        assert data.findings() == linter.check("".join(lines))
        for _ in range(chosen.choice([1, 1, 2, 3])):
            first = chosen.randrange(len(lines) + 1)
            removed = min(chosen.choice([0, 1, 1, 2, 30]), len(lines) - first)
            new = random_text(chosen, chosen.choice([0, 1, 1, 2, 20]))
            if first + removed < len(lines):
                new = "".join(line for line in with_ends(new) if line[-1] in "\r\n")
            elif first and lines[first - 1][-1] not in "\r\n":
                first, removed, new = first - 1, removed + 1, f"{lines[first - 1]}\n{new}"
            if first and new.startswith("\n") and lines[first - 1].endswith("\r"):
                new = f" {new}"  # else the two are one line end
            follows = lines[first + removed] if first + removed < len(lines) else ""
            before = new or (lines[first - 1] if first else "")
            if before.endswith("\r") and follows.startswith("\n"):
                continue
            data.edit(first, removed, new)
            lines[first : first + removed] = with_ends(new)
            assert [data.text_of(number) for number in range(len(lines))] == [line.rstrip("\r\n") for line in lines]


def test_only_what_changed_is_checked_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = opened(folder, "".join(f"{line}\n" for line in LINES[:12] * 20))
    data.findings()
    asked: list[str] = []
    check = live.LineChecker.check

    def spied(self: live.LineChecker, texts: list[str], *args: object) -> object:
        asked.extend(texts)
        return check(self, texts, *args)

    monkeypatch.setattr(live.LineChecker, "check", spied)
    data.edit(100, 1, "nonsense\n")
    assert [finding.range.start.line for finding in data.findings() if finding.code == "JL001"] == [100]
    assert "nonsense" in asked
    assert len(asked) < 12


def test_another_recipe(folder: Path) -> None:
    data = opened(folder, '{"prompt": "", "completion": "x"}\n' * 3)
    assert any(finding.code == "SF111" for finding in data.findings())
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text() + "lintune: {lint: {ignore: [SF111]}}\n")
    data.renew(context_for(data.path))
    assert not any(finding.code == "SF111" for finding in data.findings())


def test_a_line_that_is_too_long_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "LONGEST_LINE", 2_000)
    data = opened(folder, f"{LINES[0]}\n")
    data.edit(1, 0, '{"prompt": "' + "x" * 2_000 + '"}\n')
    assert [(finding.code, finding.range.start.line) for finding in data.findings()][-1] == ("JL001", 1)
