from __future__ import annotations

import json
from pathlib import Path

import pytest

from lintune_schemas import datasets
from lintune_schemas.errors import LintuneError
from lintune_schemas.samples import SampleFormat
from lintune_server.lint.checking import check
from lintune_server.lint.findings import Severity
from lintune_server.lint.selection import Selection

FIXTURES = Path(__file__).parents[1] / "server" / "rules" / "fixtures"


def write(tmp_path: Path, *samples: object) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(sample) + "\n" for sample in samples), encoding="utf-8")
    return path


def test_reads_samples_with_their_lines(tmp_path):
    path = write(tmp_path, {"prompt": "a", "completion": "b"})
    path.write_text("\n" + path.read_text() + " \n" + path.read_text())
    read = datasets.read(path)
    assert read.format is SampleFormat.PROMPT_COMPLETION
    assert [sample.line for sample in read.samples] == [2, 4]


def test_the_hash_follows_the_contents_only(tmp_path):
    def hash_of(*samples):
        return datasets.read(write(tmp_path, *samples)).content_hash

    plain = hash_of({"prompt": "a", "completion": "b"})
    assert plain == hash_of({"completion": "b", "prompt": "a"})
    assert plain == hash_of({"prompt": "a", "completion": "b", "_lintune_ignore": ["DU301"]})
    assert plain != hash_of({"prompt": "a", "completion": "B"})


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_refused(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(LintuneError, match=r"is empty\. Add samples"):
        datasets.read(path)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(LintuneError, match="does not exist"):
        datasets.read(tmp_path / "a.jsonl")
    with pytest.raises(LintuneError, match="is a folder"):
        datasets.read(tmp_path)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("[JS]*/bad.jsonl")), ids=lambda path: path.parent.name)
def test_refuses_no_line_that_the_linter_lets_pass(tmp_path, path):
    """A line without an error can be trained on; a training stops at no line that `lintune check` is silent about."""
    for line in path.read_text(encoding="utf-8").splitlines():
        alone = tmp_path / "a.jsonl"
        alone.write_text(line + "\n", encoding="utf-8")
        errors = [finding for finding in check(alone, None, Selection()).findings if finding.severity is Severity.ERROR]
        try:
            datasets.read(alone)
        except LintuneError as error:
            assert errors, f"{line}: {error}"
