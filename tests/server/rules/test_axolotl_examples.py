"""Axolotl's example recipes open without an error: every key is known, every value right, but for files not there.

Where they come from, axolotl/README.md says.
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from lintune_schemas.processor import Processor
from lintune_server.hardware import Machine
from lintune_server.lint.findings import Severity
from lintune_server.lint.recipe import check_recipe

LINES = (Path(__file__).parent / "axolotl" / "examples.jsonl").read_text(encoding="utf-8").splitlines()
EXAMPLES = [json.loads(line) for line in LINES]

ROOMY = Machine("Linux", "x86_64", Processor("a large one", 64), memory=64 << 40, available=64 << 40, disk=64 << 40)
"""Larger than any of them needs: what a machine is too small for is another matter."""

NOT_THERE = {"DS505": "There is no file", "RC619": "was not found"}
"""Files and models that are not there, by code and what is said."""


def folder(example: dict) -> str:
    parts = example["source"].split("/")
    return "/".join(parts[: 3 if parts[1:2] == ["archived"] else 2]) if parts[0] == "examples" else parts[0]


FOLDERS = [(name, list(group)) for name, group in groupby(sorted(EXAMPLES, key=folder), key=folder)]


def whole(example: dict) -> dict:
    """A part of a recipe, with a base model and a data set."""
    recipe = dict(example["recipe"])
    if "block" in example:
        recipe.setdefault("base_model", "x/y")
        if not (recipe.get("datasets") or recipe.get("pretraining_dataset")):
            recipe["datasets"] = [{"path": "x/y"}]
    return recipe


@pytest.mark.parametrize(("name", "examples"), FOLDERS, ids=[name for name, _ in FOLDERS])
def test_no_error_and_no_unknown_key(name, examples, tmp_path):
    found = []
    for example in examples:
        text = yaml.safe_dump(whole(example), sort_keys=False, allow_unicode=True)
        for finding in check_recipe(text, tmp_path / "recipe.yaml", machine=ROOMY):
            missing = finding.code in NOT_THERE and NOT_THERE[finding.code] in finding.message
            if finding.code == "RC602" or (finding.severity is Severity.ERROR and not missing):
                found.append(f"{example['source']}: {finding.code} {finding.message}")
    assert found == []


def test_how_many_there_are():
    files = {example["source"] for example in EXAMPLES if "block" not in example}
    assert len(files) == 357
    assert len({folder(example) for example in EXAMPLES if "block" not in example}) >= 90
