"""`lintune eval` with the real demo model, and an adapter on it that was made for the test."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from jsonschema import Draft202012Validator

from lintune_schemas import base_model

from ..sidecar.adapter_file import write_adapter

if TYPE_CHECKING:
    from .conftest import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_cache")]

SCHEMA = json.loads(files("lintune_schemas").joinpath("json", "evaluation.schema.json").read_text())
MODEL = base_model.find(base_model.DEMO_MODEL, Path()).path
CAPITALS = [
    {"prompt": f"What is the capital of {country}?", "completion": f"The capital of {country} is {capital}."}
    for country, capital in (("France", "Paris"), ("Italy", "Rome"), ("Japan", "Tokyo"), ("Spain", "Madrid"))
]


@pytest.fixture(scope="session")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One that changes nothing, and one that changes much."""
    assert MODEL is not None
    folder = tmp_path_factory.mktemp("adapters")
    return {
        name: write_adapter(folder / f"{name}.gguf", MODEL, strength=strength)
        for name, strength in (("none", 0.0), ("much", 60.0))
    }


class Run:
    """A run on the demo model, and `lintune eval` on it in a process of its own."""

    def __init__(self, workspace: Workspace, samples: list[dict[str, Any]], adapter: Path, **recipe: object) -> None:
        self.folder = workspace.trained(samples, **recipe).folder
        (self.folder / "adapter.gguf").symlink_to(adapter)

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-P", "-m", "lintune_server", "eval", str(self.folder), "--max-tokens", "8", *options]

    def __call__(self, *options: str, code: int = 0) -> tuple[dict[str, Any], str]:
        """The report, and what was said beside it."""
        ended = subprocess.run(
            self.command("--json", *options),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == code, ended.stderr
        report: dict[str, Any] = json.loads(ended.stdout) if ended.stdout else {}
        if report:
            Draft202012Validator(SCHEMA).validate(report)
            assert json.loads((self.folder / "evaluation.json").read_text()) == report
            assert report["run"] in (self.folder / "evaluation.html").read_text()
        return report, ended.stderr

    def started(self) -> subprocess.Popen[str]:
        """The command, when its sidecar has given the first answer."""
        child = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert child.stderr is not None
        while "the base model: 0 of" in (line := child.stderr.readline()):
            pass
        assert "the base model:" in line, line
        return child


def figures(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {figure["metric"]: figure for figure in report["figures"]}


def sidecar_of(process: subprocess.Popen[str]) -> psutil.Process:
    (child,) = psutil.Process(process.pid).children()
    return child


def test_an_adapter_that_changes_nothing_changes_no_figure(workspace: Workspace, adapters: dict[str, Path]) -> None:
    run = Run(workspace, CAPITALS, adapters["none"])
    report, _ = run()
    assert len(report["each"]) == 4
    for sample in report["each"]:
        # Answers may differ where two tokens are as likely: what is computed beside them decides the last bit.
        assert sample["base"]["loss"] == pytest.approx(sample["tuned"]["loss"], abs=0.03)
        assert sample["base"]["tokens"] <= 8
    found = figures(report)
    assert set(found) >= {"exact", "normalized", "rouge_l", "chrf", "perplexity", "stopped", "tokens"}
    assert "json_valid" not in found, "no reference is JSON"
    assert found["perplexity"]["base"]["value"] < 3, "it knows the capitals"
    assert abs(found["perplexity"]["difference"]["value"]) < 0.1
    again, _ = run("--fail-under", "chrf=1%", "--fail-over", "perplexity=1000")
    assert [sample["base"] for sample in again["each"]] == [sample["base"] for sample in report["each"]], "kept"


def test_bounds_that_are_not_kept(workspace: Workspace, adapters: dict[str, Path]) -> None:
    run = Run(workspace, CAPITALS, adapters["much"])
    report, said = run("--fail-under", "exact=0.5", "--fail-over", "perplexity=2", code=1)
    assert "exact of the tuned model is 0, below 0.5." in said
    assert "perplexity of the tuned model is" in said
    change = figures(report)["perplexity"]["difference"]
    assert 0 < change["low"] <= change["value"], "noise on the weights makes it worse"
    assert "json_equal was not measured. There are exact," in run("--fail-under", "json_equal=1", code=2)[1]


def test_json_and_a_schema(workspace: Workspace, adapters: dict[str, Path]) -> None:
    samples = [{"prompt": "Lamp on?", "completion": '{"lamp": "on"}'}, CAPITALS[0]]
    schema = workspace.folder / "lamp.json"
    schema.write_text('{"required": ["lamp"]}')
    report, _ = Run(workspace, samples, adapters["none"])("--schema", str(schema))
    found = figures(report)
    assert (found["json_equal"]["samples"], found["json_valid"]["samples"], found["json_schema"]["samples"]) == (
        1,
        2,
        2,
    )
    assert report["settings"]["schema"] == str(schema)


def test_what_cannot_be_asked_is_said(workspace: Workspace, adapters: dict[str, Path]) -> None:
    long = {"prompt": "very " * 300, "completion": "Yes."}
    run = Run(workspace, [long, *CAPITALS], adapters["none"], sequence_len=512)
    report, _ = run("--context", "128", "--limit", "2")
    assert [(one["line"], one["reason"].split(",")[0]) for one in report["left_out"]] == [(1, "it has 335 tokens")]
    assert [sample["line"] for sample in report["each"]] == [2]


def test_texts_and_pairs(workspace: Workspace, adapters: dict[str, Path]) -> None:
    texts = workspace.write("texts.jsonl", [{"text": "Paris is the capital of France."}])
    run = Run(workspace, CAPITALS, adapters["none"])
    report, _ = run("--data", str(texts))
    assert list(figures(report)) == ["perplexity"]
    assert report["each"][0]["mark"] is None
    pairs = workspace.write("pairs.jsonl", [{"prompt": "2 + 2?", "chosen": "4", "rejected": "The lamp is a bird."}])
    report, _ = run("--data", str(pairs))
    assert figures(report)["prefers"]["tuned"]["value"] == 1
    assert report["each"][0]["mark"] == "still right"


def test_a_sidecar_that_is_killed_is_started_again(workspace: Workspace, adapters: dict[str, Path]) -> None:
    child = Run(workspace, CAPITALS, adapters["none"]).started()
    sidecar_of(child).kill()
    out, said = child.communicate(timeout=120)
    assert child.returncode == 0, said
    assert "samples, the base model on" in out


def test_ctrl_c_leaves_nothing_half_written(workspace: Workspace, adapters: dict[str, Path]) -> None:
    run = Run(workspace, CAPITALS * 5, adapters["none"])
    before = sorted(path.name for path in run.folder.iterdir())
    child = run.started()
    sidecar = sidecar_of(child)
    child.send_signal(signal.SIGINT)
    out, said = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert "Stopped. What was answered is kept" in said
    assert "Traceback" not in said
    assert sorted(path.name for path in run.folder.iterdir()) == before
    sidecar.wait(timeout=10)
