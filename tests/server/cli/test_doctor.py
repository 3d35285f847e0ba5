"""`lintune doctor`: its page, its JSON, and what it says when there is little to say."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from jsonschema import Draft202012Validator

from lintune_server.cli import doctor
from lintune_server.cli.terminal import cells
from lintune_server.hardware import Machine

if TYPE_CHECKING:
    from .command import Command

SCHEMA = json.loads(files("lintune_schemas").joinpath("json/doctor-report.schema.json").read_text())
MACHINES = Path(__file__).parents[1] / "rules" / "machines"
EXAMPLE = Path(__file__).parents[3] / "examples" / "smart-home"
TOO_LARGE = """\
base_model: Qwen/Qwen2.5-3B-Instruct
datasets: [{path: a.jsonl}]
adapter: qlora
load_in_4bit: true
lora_target_linear: true
sequence_len: 2048
micro_batch_size: 4
"""


def machine(name: str) -> Machine:
    return msgspec.json.decode((MACHINES / f"{name}.json").read_bytes(), type=Machine)


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch):
    """Lets the command find another machine than the one that the test runs on."""

    def choose(found: Machine) -> None:
        monkeypatch.setattr(doctor, "audit", lambda folder: found)

    return choose


def report(run: Command, *words: str | Path) -> dict:
    found = json.loads(run("doctor", "--json", *words).out)
    Draft202012Validator(SCHEMA).validate(found)
    return found


def test_the_machine_that_it_runs_on(run: Command):
    found = run("doctor")
    assert (found.code, found.err) == (0, "")
    for words in ("This machine", "processor", "memory", "trains on", "Packages", "What fits"):
        assert words in found.out
    assert report(run)["machine"]["processor"]["cores"] >= 1


@pytest.mark.parametrize("name", sorted(path.stem for path in MACHINES.glob("*.json")))
def test_pages_and_reports_of_many_machines(run: Command, on, name: str):
    on(machine(name))
    page = run("doctor", EXAMPLE / "recipe.yaml").out
    assert max(map(cells, page.splitlines())) <= 80
    assert "It fits." in page
    assert max(map(cells, run("doctor").out.splitlines())) <= 80
    assert report(run, EXAMPLE / "recipe.yaml")["recipe"]["fits"] is True


def test_what_fits_depends_on_the_machine(run: Command, on):
    fitting = []
    for name in ("small", "rtx3070", "rtx4090"):
        on(machine(name))
        fitting.append({model["id"] for model in report(run)["models"]})
    small, middle, large = fitting
    assert small < middle < large
    assert "HuggingFaceTB/SmolLM2-135M-Instruct" in small


def test_a_recipe_in_numbers(run: Command, on):
    on(machine("laptop"))
    recipe = report(run, EXAMPLE / "recipe.yaml")["recipe"]
    assert (recipe["samples"], recipe["evaluation_samples"]) == (229, 40)
    assert recipe["steps"] == 82
    assert recipe["tokens"] == round(11_026 * 1.4)
    assert recipe["memory"]["peak"] == sum(recipe["memory"]["parts"].values())
    assert recipe["disk"]["total"] == sum(recipe["disk"]["parts"].values())
    assert recipe["time"]["least"] < recipe["time"]["likely"] < recipe["time"]["most"]


def test_a_recipe_that_does_not_fit(run: Command, on):
    on(machine("rtx3070"))
    path = run.write("recipe.yaml", TOO_LARGE)
    found = run("doctor", path)
    assert found.code == 1
    assert "It does not fit." in found.out
    assert "HW701" in found.out
    changes = report(run, path)["recipe"]["changes"]
    assert changes["gradient_checkpointing"] == "true"
    changed = "".join(f"{key}: {value}\n" for key, value in changes.items())
    kept = [line for line in TOO_LARGE.splitlines(keepends=True) if line.split(":")[0] not in changes]
    path.write_text("".join(kept) + changed)
    assert run("doctor", path).code == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "no valid YAML"),
        ("[]", "no YAML mapping"),
        ("adapter: lora\n", "names no base_model"),
    ],
)
def test_a_broken_recipe(run: Command, text: str, says: str):
    found = run("doctor", run.write("recipe.yaml", text))
    assert (found.code, found.out) == (2, "")
    assert says in found.err


def test_no_recipe(run: Command):
    found = run("doctor", "not-there.yaml")
    assert found.code == 2
    assert "There is no recipe not-there.yaml" in found.err


def test_no_model_and_no_data(run: Command, on):
    on(machine("laptop"))
    path = run.write("recipe.yaml", "base_model: somebody/some-model\nadapter: lora\ndatasets: [{path: gone.jsonl}]\n")
    found = run("doctor", path)
    assert found.code == 0
    assert "is not on this machine yet" in " ".join(found.out.split())
    assert "Whether it fits is not known." in found.out
    assert report(run, path)["recipe"]["fits"] is None
    run.write("recipe.yaml", "base_model: ./gone\nadapter: lora\ndatasets: [{path: gone.jsonl}]\n")
    assert "./gone was not found" in " ".join(run("doctor", path).out.split())


def test_a_training_that_is_not_built_in(run: Command, on):
    on(machine("rtx3070"))
    path = run.write("recipe.yaml", "base_model: Qwen/Qwen2.5-7B-Instruct\ndatasets: [{path: gone.jsonl}]\n")
    found = run("doctor", path)
    assert found.code == 0
    assert "set adapter: qlora. Whether it fits is not known." in " ".join(found.out.split())


def test_numbers_that_make_no_sense(run: Command, on):
    on(machine("laptop"))
    for key in ("micro_batch_size", "sequence_len", "gradient_accumulation_steps", "lora_r", "num_epochs"):
        for value in ("0", "-1", "many"):
            path = run.write("recipe.yaml", f"base_model: smollm2-135m-instruct\nadapter: lora\n{key}: {value}\n")
            assert run("doctor", path).code == 0


def test_a_gpu_that_is_not_used_says_why(run: Command, on):
    on(machine("unused"))
    page = " ".join(run("doctor").out.split())
    assert "Not used: The installed torch 2.8.0 is built without CUDA." in page
    assert "trains on the CPU" in page


def test_a_machine_of_which_nothing_is_known(run: Command, on):
    unknown = replace(machine("laptop"), memory=None, available=None, disk=None, troubles=("The driver is silent.",))
    on(unknown)
    page = run("doctor", EXAMPLE / "recipe.yaml").out
    assert "not known" in page
    assert "The driver is silent." in page
    assert run("doctor").code == 0
