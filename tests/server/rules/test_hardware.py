"""The rules of hardware: fixes that help, recipes that are odd, and machines that are small."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintune_server.lint import checking, fixing
from lintune_server.lint.recipe import check_recipe
from lintune_server.lint.selection import Selection

from .test_rules import FIXTURES, machine_for

HARDWARE = Selection(("HW",))
EXAMPLES = Path(__file__).parents[3] / "examples"
FIXED = [
    path
    for path in sorted((FIXTURES / "HW701").glob("bad*.yaml"))
    if "flow" not in path.name and "fixed" not in path.name
]


@pytest.mark.parametrize("path", FIXED, ids=lambda path: path.stem)
def test_a_recipe_fits_once_it_is_fixed(path: Path):
    text, machine = checking.read(path), machine_for(path)
    found = check_recipe(text, path, Selection(("HW701",)), machine)
    edits = fixing.independent(one.fix.edits for one in found if one.fix)
    fixed = fixing.apply(text, edits)
    assert check_recipe(fixed, path, HARDWARE, machine) == []
    assert check_recipe(fixed, path, Selection(("RC60",)), machine) == check_recipe(
        text, path, Selection(("RC60",)), machine
    )


@pytest.mark.parametrize("name", ["small", "laptop", "rtx3070", "t4", "k80", "unused"])
def test_examples_are_for_every_machine(name: str):
    machine = machine_for(Path(f"x-{name}.yaml"))
    for path in sorted(EXAMPLES.rglob("*.yaml")):
        found = check_recipe(checking.read(path), path, HARDWARE, machine)
        if "broken" not in path.name:
            assert [one for one in found if one.code != "HW704"] == [], path
        assert [one for one in found if one.severity.label == "error"] == [], path


@pytest.mark.parametrize(
    "lines",
    [
        "micro_batch_size: 0",
        "micro_batch_size: -3",
        f"micro_batch_size: {10**30}",
        f"sequence_len: {10**30}",
        "sequence_len: 0",
        "lora_r: 0",
        f"lora_r: {10**12}",
        "gradient_accumulation_steps: 0",
        "num_epochs: .nan",
        "num_epochs: .inf",
        "num_epochs: -1",
        "max_steps: -5",
        "eval_steps: -0.001",
        "eval_steps: 0.0000001",
        "evals_per_epoch: -1",
        "save_total_limit: -7",
        "val_set_size: 1000000",
        "lora_target_modules: []",
        "lora_target_modules: [nothing]",
        'lora_target_modules: "(a+)+$"',
        "optimizer: [adamw]",
        "lintune: {export: {gguf: [q99]}}",
    ],
)
@pytest.mark.parametrize("name", ["small", "rtx3070"])
def test_odd_numbers_do_no_harm(name: str, lines: str):
    path = FIXTURES / "HW702" / f"odd-{name}.yaml"  # beside data, and not there itself
    text = f"base_model: smollm2-135m-instruct\nadapter: lora\ndatasets: [{{path: data/train.jsonl}}]\n{lines}\n"
    for one in check_recipe(text, path, HARDWARE, machine_for(path)):
        assert len(one.message) < 400
