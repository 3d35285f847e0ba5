"""`lintune eval`: what it refuses, before anything is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lintune_server.cli.eval import Bound
from lintune_server.cli.main import main

from .recorded import data, record, sample, whole

if TYPE_CHECKING:
    from pathlib import Path

    from .command import Command

NAME = "20261125T094724Z-b29664ca"


@pytest.fixture
def recorded(run: Command) -> Path:
    """The directory of a run whose model was removed."""
    for name in ("train.jsonl", "eval.jsonl"):
        data(run.folder / name, [sample(number) for number in range(4)])
    return record(run.folder, NAME, whole(NAME))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--limit", "0"), "give a number of at least 1, not 0"),
        (("--context", "20"), "give a number between 64 and 1048576, not 20"),
        (("--limit", "3", "--samples", "3"), "not allowed with argument"),
        (("--fail-under", "accuracy=1"), "there is no metric accuracy; there are exact, normalized,"),
        (("--fail-over", "perplexity"), "give a number, as perplexity=0.9, not perplexity"),
        (("--fail-under", "exact=nan"), "give a number"),
    ],
)
def test_words_that_are_refused(run: Command, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as refused:
        main(["eval", *words])
    assert refused.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("text", "value"), [("exact=0.9", 0.9), ("exact=90%", 0.9), ("perplexity=2.5", 2.5)])
def test_bounds(text: str, value: float):
    assert Bound.read(text).value == pytest.approx(value)


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "has no model to ask: it holds neither adapter.gguf nor model-*.gguf."),
        (("nowhere",), "There is no run nowhere."),
        (("--schema", "none.json"), "has no model to ask"),
    ],
)
def test_runs_that_cannot_be_evaluated(run: Command, words: tuple[str, ...], said: str):
    printed = run("eval", *words)
    assert (printed.code, printed.out) == (2, "")
    assert said in printed.err
    assert "Traceback" not in printed.err


def test_what_is_wrong_is_said_before_a_model_is_loaded(run: Command, recorded: Path):
    (recorded / "adapter.gguf").touch()
    assert "has no f16. It has: adapter." in run("eval", "--model", "f16").err
    assert "--schema: none.json could not be read: No such file" in run("eval", "--schema", "none.json").err
    assert "none.jsonl does not exist" in run("eval", "--data", "none.jsonl").err
    (run.folder / "pairs.csv").write_text("a,b\n1,2\n")
    assert "pairs.csv:1 is no valid JSON" in run("eval", "--data", "pairs.csv").err
    (recorded / "recipe.lock.yaml").write_text("base_model: [\n")
    assert run("eval").code == 2


def test_a_folder_without_runs(run: Command):
    printed = run("eval")
    assert (printed.code, printed.out) == (2, "")
    assert "There is no run in" in printed.err
