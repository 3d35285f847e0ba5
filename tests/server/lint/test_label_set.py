"""Which answers are a closed set of labels."""

from __future__ import annotations

import json

import pytest

from lintune_server.lint.label_set import answer_label, closed_labels
from lintune_server.lint.sample import Line, Surroundings


def label(**sample: object) -> str | None:
    return answer_label.of(Line(json.dumps(sample), Surroundings()))


def test_a_label_is_one_short_answer():
    assert label(prompt="Which?", completion=" ham\n") == "ham"
    assert label(prompt="Which?", completion="") is None
    assert label(prompt="Which?", completion="h" * 41) is None
    assert label(prompt="Which?", completion="ham\nspam") is None
    assert label(prompt="Which?", completion='{"label": "ham"}') is None
    assert label(prompt="Which?", chosen="ham", rejected="spam") is None
    turns = [{"role": role, "content": "ham"} for role in ("user", "assistant")]
    assert label(messages=turns) == "ham"
    assert label(messages=turns * 2) is None
    assert label(value=1) is None


@pytest.mark.parametrize(
    ("labels", "closed"),
    [
        (["ham"] * 15 + ["spam"] * 5, True),
        (["ham"] * 10 + ["spam"] * 5, False),  # too few to tell
        (["ham"] * 60 + ["spam"] * 57 + ["hma", "Spam", None], True),  # slips
        (["ham"] * 40 + ["spam"] * 40 + [None] * 10, False),  # a tenth is prose
        ([f"label {number % 8}" for number in range(100)], True),
        ([f"city {number % 40}" for number in range(200)], False),  # a quiz
        ([f"answer {number}" for number in range(100)], False),
        ([], False),
    ],
)
def test_a_closed_set_is_a_few_labels_for_nearly_all(labels, closed):
    counts = closed_labels(labels)
    assert (counts is not None) == closed
    if counts is not None:
        assert counts.total() == sum(one is not None for one in labels)
