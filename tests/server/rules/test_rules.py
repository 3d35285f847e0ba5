"""Every rule has a folder in fixtures/: what it must find (bad*, expected.txt), and what it must leave alone (good*).

A line of expected.txt is `file:line:column-line:column severity message`, with `[fix: …]` behind it when there is one;
lines and columns count from 1. `bad-fixed` is what remains of `bad` with every fix of the rule applied, safe or not.

Rules of hardware are asked about the machines in machines/: a file's name says which behind its first dash, as in
`bad-t4-flash.yaml`, or else it is the laptop.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec
import pytest

from lintune_server.hardware import Machine
from lintune_server.lint import checking, fixing, together
from lintune_server.lint.recipe import check_recipe
from lintune_server.lint.selection import Selection
from lintune_server.lint.sieve import UNUSED_RECIPE_IGNORE
from lintune_server.rule_book import BY_CODE, RULES

FIXTURES = Path(__file__).parent / "fixtures"
MACHINES = Path(__file__).parent / "machines"


def described(path: Path, code: str) -> list[str]:
    lines = []
    for finding in _findings(path, code):
        start, end = finding.range.start, finding.range.end
        place = f"{start.line + 1}:{start.column + 1}-{end.line + 1}:{end.column + 1}"
        fix = f" [fix: {finding.fix.title}{'' if finding.fix.safe else ', unsafe'}]" if finding.fix else ""
        lines.append(f"{path.name}:{place} {finding.severity.label} {finding.message}{fix}")
    return lines


def machine_for(path: Path) -> Machine:
    _, name, *_ = *path.stem.removesuffix("-fixed").split("-"), "laptop"
    return msgspec.json.decode((MACHINES / f"{name}.json").read_bytes(), type=Machine)


def _findings(path, code):
    selection = Selection((code,))
    if code == UNUSED_RECIPE_IGNORE:  # known only when the data sets of the recipe are checked in the same run
        files = [*sorted(path.parent.glob("data/*.jsonl")), path]
        *_, checked = together.check(files, selection, partial(checking.check, recipe=path, selection=selection))
        found = checked.findings
    elif code.startswith("HW"):
        found = check_recipe(checking.read(path), path, selection, machine_for(path))
    else:
        found = checking.check(path, None, selection).findings
    assert all(finding.code == code for finding in found)
    return found


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_finds_what_is_bad(code):
    bad = sorted(path for path in (FIXTURES / code).glob("bad*") if "-fixed." not in path.name)
    assert bad
    expected = (FIXTURES / code / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert [line for path in bad for line in described(path, code)] == expected


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_is_silent_on_what_is_good(code):
    good = sorted(path for path in (FIXTURES / code).rglob("good*") if path.is_file())
    assert good
    for path in good:
        assert described(path, code) == []


@pytest.mark.parametrize("fixed", sorted(FIXTURES.glob("*/bad*-fixed.*")), ids=lambda path: path.parent.name)
def test_fixes_give(fixed):
    path = fixed.with_name(fixed.name.replace("-fixed", ""))
    edits = fixing.independent(finding.fix.edits for finding in _findings(path, fixed.parent.name) if finding.fix)
    text = fixing.apply(checking.read(path), edits)
    assert text == checking.read(fixed)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_page(rule):
    for part in ("## What it does", "## Why it hurts", "## Example", "## Use instead"):
        assert part in rule.doc
    assert rule.summary
    lines = (FIXTURES / rule.code / "expected.txt").read_text(encoding="utf-8").splitlines()
    fixes = {line.endswith(", unsafe]") for line in lines if "[fix:" in line}
    assert rule.fix == ({False: "unsafe", True: "safe"}[False in fixes] if fixes else None), "“Safe.” or “Not safe: …”"


@pytest.mark.parametrize("path", sorted(FIXTURES.rglob("good*.jsonl")), ids=lambda path: path.parent.name)
def test_good_samples_have_no_errors_of_other_rules(path):
    """What one rule calls good, the trainer takes; but for what another rule's folder says."""
    if path.parent.name in ("SF109", "JL001", "JL002", "DS506"):
        return
    found = checking.check(path, None, Selection(ignore=("TK", "DS501"))).findings
    assert [finding for finding in found if finding.severity.label == "error"] == []
