"""Thresholds that a recipe sets under `lintune.lint.thresholds`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lintune_server.lint import checking
from lintune_server.lint.selection import Selection

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = """\
base_model: smollm2-135m-instruct
datasets:
  - path: train.jsonl
test_datasets:
  - path: eval.jsonl
lintune:
  lint:
    thresholds: {%s}
"""

WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
LABELS = ["yes"] * 170 + ["no"] * 30
COUNTED = [f"{WORDS} {' '.join(map(str, range(most)))}" for most in (80, 90)]
TRAIN = {
    "DS501": [(f"Question {number}?", f"Answer {number}.") for number in range(60)],
    "DS503": [(f"Is {number} true of it?", label) for number, label in enumerate(LABELS)],
    "DU303": [("Count a bit.", COUNTED[0]), ("Count some more.", COUNTED[1])],
    "DU306": [(f"Question {number}?", "Ask me later." if number < 8 else f"It is {number}.") for number in range(200)],
    "QL405": [(f"Question {number}?", "[1]" if number < 93 else f"It is {number}.") for number in range(100)],
}


def found(folder: Path, code: str, thresholds: str) -> int:
    (folder / "recipe.yaml").write_text(RECIPE % thresholds)
    pairs = TRAIN.get(code, TRAIN["DS501"])
    lines = [json.dumps({"prompt": prompt, "completion": answer}) for prompt, answer in pairs]
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "eval.jsonl").write_text('{"prompt": "Is this another?", "completion": "It is."}\n')
    name = "eval.jsonl" if code == "DS504" else "train.jsonl"
    return len(checking.check(folder / name, None, Selection((code,))).findings)


@pytest.mark.parametrize(
    ("code", "more", "less"),
    [
        ("DS501", "", "enough_samples: 50"),
        ("DS504", "", "enough_eval_samples: 1"),
        ("DS503", "dominant_label: 0.8", ""),
        ("DU306", "common_answer: 0.03", ""),
        ("DU303", "", "near_duplicate: 0.97"),
        ("QL405", "convention: 0.9", ""),
    ],
)
def test_a_recipe_sets_it(tmp_path, code, more, less):
    assert found(tmp_path, code, more) > 0
    assert found(tmp_path, code, less) == 0


def test_near_duplicates_are_not_searched_below_what_is_sure_to_be_found(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE % "near_duplicate: 0.5")
    (finding,) = checking.check(tmp_path / "recipe.yaml", None, Selection(("RC603",))).findings
    assert "near_duplicate must be at least 0.8" in finding.message
