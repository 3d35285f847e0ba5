"""Wrong recipes give the one finding that is meant, where it is meant, with every rule asked; right ones give none."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import msgspec
import pytest
import yaml
from tests.server.rules.test_axolotl_examples import EXAMPLES as EXAMPLES_OF_AXOLOTL
from tests.server.rules.test_axolotl_examples import whole
from tests.server.rules.test_rules import FIXTURES, MACHINES

from lintune_server.hardware import Machine
from lintune_server.lint import checking
from lintune_server.lint.recipe import check_recipe
from lintune_server.lint.selection import Selection

MACHINE = msgspec.json.decode((MACHINES / "rtx4090.json").read_bytes(), type=Machine)
BAD = sorted(
    path
    for path in FIXTURES.glob("RC*/bad*.recipe.yaml")
    if "-fixed." not in path.name and path.parent.name != "RC623"  # which is about a run over several files
)
GOOD = sorted(path for code in ("RC605", "RC607") for path in (FIXTURES / code).glob("good*.recipe.yaml"))
EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/recipe.yaml"))

UNAVOIDABLE = {
    # Keys that contradict each other, and that the built-in trainer does not carry out whether they do or not.
    **{
        f"RC607/bad-{name}.recipe.yaml": {"RC622"}
        for name in (
            *("8bit-qlora", "batch", "both-bits", "deepspeed", "early-off", "memory", "no-adapter"),
            *("packing-flattening", "rates"),
        )
    },
    "RC602/bad-plugin.recipe.yaml": {"RC622"},
    "RC610/bad-full.recipe.yaml": {"RC622"},
    # What cannot be understood, or is not there, cannot be evaluated with.
    "RC603/bad.recipe.yaml": {"DS502"},
    "RC603/bad-section-for-list.recipe.yaml": {"DS502"},
    "RC603/bad-text-for-list.recipe.yaml": {"DS502"},
    "RC607/bad-best-no-data.recipe.yaml": {"DS502"},
    "RC607/bad-early-no-data.recipe.yaml": {"DS502"},
    "RC607/bad-nothing-to-evaluate.recipe.yaml": {"DS502"},
    # The models of these two are no more than a few numbers.
    "RC618/bad-whole.recipe.yaml": {"RC616", "RC619"},
    "RC621/bad-whole.recipe.yaml": {"RC619"},
    # Few samples, and none that are here.
    "RC611/bad-few.recipe.yaml": {"DS501"},
    "RC611/bad-not-here.recipe.yaml": {"DS505"},
}
"""Other findings, each right, that a fixture cannot do without."""


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@cache
def found(path: Path):
    return check_recipe(checking.read(path), path, machine=MACHINE)


@pytest.mark.parametrize("path", BAD, ids=name_of)
def test_nothing_is_found_but_what_is_meant(path):
    """And what is meant, with its range, is in expected.txt."""
    codes = {finding.code for finding in found(path)}
    assert codes - {path.parent.name} == UNAVOIDABLE.get(name_of(path), set())
    assert path.parent.name in codes


def test_at_least_forty_wrong_recipes_give_one_finding_and_no_other():
    alone = [path for path in BAD if name_of(path) not in UNAVOIDABLE and len(found(path)) == 1]
    by_code = Counter(path.parent.name for path in alone)
    print(f"{len(alone)} wrong recipes give exactly one finding: {dict(by_code)}")
    assert len(alone) >= 40
    assert len(by_code) >= 16


@pytest.mark.parametrize("path", [*GOOD, *EXAMPLES], ids=name_of)
def test_what_is_right_is_left_alone(path):
    others = {"RC622"}  # keys that only Axolotl carries out are named in right recipes, too
    assert [finding for finding in found(path) if finding.code not in others and finding.code[:2] == "RC"] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_examples_say_nothing(path):
    assert found(path) == []


def test_axolotls_own_examples_are_in_order(tmp_path):
    """Of what recipes that work may not have, they have nothing; see also test_axolotl_examples.py."""
    selection = Selection(("RC601", "RC602", "RC604", "RC605", "RC607", "RC616", "RC617"))
    found = []
    for example in EXAMPLES_OF_AXOLOTL:
        text = yaml.safe_dump(whole(example), sort_keys=False, allow_unicode=True)
        findings = check_recipe(text, tmp_path / "recipe.yaml", selection, MACHINE)
        found += [f"{example['source']}: {finding.code} {finding.message}" for finding in findings]
    assert found == []
