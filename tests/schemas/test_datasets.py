from __future__ import annotations

import json
from pathlib import Path

import pytest

from lintune_schemas import datasets
from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import Dataset, SampleFields
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


def test_reads_what_the_recipe_says(tmp_path):
    path = write(tmp_path, {"question": "a", "answer": "b"})
    entry = Dataset("a.jsonl", type=SampleFields(field_instruction="question", field_output="answer"))
    assert [turn.content for turn in datasets.read(path, entry).samples[0].conversation.turns] == ["a", "b"]
    with pytest.raises(LintuneError, match="is in no known sample format"):
        datasets.read(path)
    with pytest.raises(LintuneError, match=r"No sample of .* is as the recipe says"):
        datasets.read(write(tmp_path, {"prompt": "a", "completion": "b"}), entry)


USER, GOOD, POOR = (
    {"role": role, "content": text} for role, text in (("user", "a"), ("assistant", "b"), ("assistant", "c"))
)


@pytest.mark.parametrize(
    ("sample", "entry"),
    [
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, None),
        ({"prompt": [USER], "chosen": [GOOD], "rejected": [POOR]}, None),
        ({"prompt": "a", "chosen": [USER, GOOD], "rejected": [USER, POOR]}, None),
        ({"chosen": [USER, GOOD], "rejected": [USER, POOR]}, None),
        ({"messages": [USER], "chosen": GOOD["content"], "rejected": POOR["content"]}, None),
        (
            {"messages": [USER], "good": [GOOD], "poor": [POOR]},
            Dataset("a", field_chosen="good", field_rejected="poor"),
        ),
        (
            {"question": "a", "good": "b", "poor": "c"},
            Dataset("a", type=SampleFields(field_prompt="question", field_chosen="good", field_rejected="poor")),
        ),
    ],
)
def test_reads_both_answers_of_preference_pairs(tmp_path, sample, entry):
    (pair,) = datasets.read(write(tmp_path, sample), entry).samples
    chosen, rejected = (
        [(turn.role, turn.content, turn.trained) for turn in one.turns] for one in (pair.conversation, pair.rejected)
    )
    assert chosen == [("user", "a", False), ("assistant", "b", True)]
    assert rejected == [("user", "a", False), ("assistant", "c", True)]


def test_no_other_sample_has_a_rejected_answer(tmp_path):
    (sample,) = datasets.read(write(tmp_path, {"prompt": "a", "completion": "b"})).samples
    assert sample.rejected is None


def test_a_pair_without_its_worse_answer_is_refused(tmp_path):
    with pytest.raises(LintuneError, match=r":1 is no valid preference sample"):
        datasets.read(write(tmp_path, {"prompt": "a", "chosen": "b", "rejected": None}))


BAD = [FIXTURES / "JL001" / "bad.jsonl", *sorted(FIXTURES.glob("SF*/bad*.jsonl"))]


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}-{path.stem}")
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


def test_a_byte_order_mark_at_the_beginning_is_passed_over(tmp_path):
    path = write(tmp_path, {"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"})
    plain = datasets.read(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert datasets.read(path).content_hash == plain.content_hash
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(LintuneError, match=r":3 is no valid JSON"):
        datasets.read(path)


def test_refuses_what_is_nested_too_deep(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "a", "completion": "b", "more": ' + "[" * 500 + "]" * 500 + "}")
    with pytest.raises(LintuneError, match=r":1 is no valid prompt-completion sample"):
        datasets.read(path)
