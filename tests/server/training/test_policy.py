"""Which saves train. Each row is a situation and what must follow."""

from pathlib import Path

import pytest

from lintune_schemas.recipe import LintuneSection, Recipe
from lintune_server.training.policy import Fault, Ongoing, Queue, Reason, Skip, Supersede, Train, decide

ON = Recipe("model", lintune=LintuneSection(train_on_save=True))
OFF = Recipe("model")
FAULT = Fault(Path("data/train.jsonl"), 11, "JL002", "a trailing comma")


@pytest.mark.parametrize(
    ("recipe", "faults", "problem", "fingerprint", "trained", "expected"),
    [
        pytest.param(ON, [], None, "new", None, None, id="never trained"),
        pytest.param(ON, [], None, "new", "old", None, id="changed"),
        pytest.param(ON, [], None, "same", "same", Reason.UNCHANGED, id="unchanged"),
        pytest.param(OFF, [], None, None, None, Reason.OFF, id="the recipe does not ask for it"),
        pytest.param(OFF, [FAULT], None, None, None, Reason.OFF, id="off, so errors are no reason"),
        pytest.param(ON, [FAULT], None, "new", "old", Reason.BLOCKED, id="an error stands"),
        pytest.param(None, [FAULT], "No YAML.", None, "old", Reason.BLOCKED, id="an error in the recipe"),
        pytest.param(None, [], "It is a folder.", None, None, Reason.UNREADABLE, id="no recipe to read"),
        pytest.param(ON, [], "data.jsonl is gone.", None, "old", Reason.UNREADABLE, id="no data to read"),
    ],
)
def test_decisions(
    recipe: Recipe | None,
    faults: list[Fault],
    problem: str | None,
    fingerprint: str | None,
    trained: str | None,
    expected: Reason | None,
) -> None:
    decision = decide(recipe, faults, problem, fingerprint, {trained})
    if expected is None:
        assert decision == Train(str(fingerprint))
    else:
        assert isinstance(decision, Skip)
        assert decision.reason is expected


def test_the_finding_that_blocks_is_named_and_the_others_counted() -> None:
    decision = decide(ON, [FAULT, FAULT, FAULT], None, "new", ())
    assert isinstance(decision, Skip)
    assert decision.message == ("Not trained: train.jsonl:12 JL002 a trailing comma (2 more). Correct it and save.")


def test_what_cannot_be_read_is_said() -> None:
    decision = decide(ON, [], "The data set x.jsonl is empty.", None, ())
    assert isinstance(decision, Skip)
    assert "The data set x.jsonl is empty." in decision.message


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize(
    ("mode", "ongoing", "expected"),
    [
        pytest.param("queue", Ongoing("old"), Queue, id="one after it"),
        pytest.param("supersede", Ongoing("old"), Supersede, id="one in its place"),
        pytest.param("finish", Ongoing("old"), Reason.FINISHING, id="none"),
        pytest.param("queue", Ongoing("new"), Reason.UNCHANGED, id="queue: the same"),
        pytest.param("supersede", Ongoing("new"), Reason.UNCHANGED, id="supersede: the same"),
        pytest.param("finish", Ongoing("new"), Reason.UNCHANGED, id="finish: the same"),
        pytest.param("supersede", Ongoing("old", ours=False), Queue, id="another program's is not for us to stop"),
        pytest.param("supersede", Ongoing(None), Queue, id="not known yet of what it is"),
    ],
)
def test_during_a_run(mode: str, paused: bool, ongoing: Ongoing, expected: type | Reason) -> None:
    recipe = Recipe("model", lintune=LintuneSection(train_on_save=True, on_change=mode))
    ongoing = Ongoing(ongoing.fingerprint, ongoing.ours, paused)
    decision = decide(recipe, [], None, "new", {"new"}, ongoing)
    assert ("paused" in decision.message) is paused
    if isinstance(expected, Reason):
        assert isinstance(decision, Skip)
        assert decision.reason is expected
    else:
        assert isinstance(decision, expected)


def test_an_error_during_a_run_blocks() -> None:
    decision = decide(ON, [FAULT], None, "new", (), Ongoing("old"))
    assert isinstance(decision, Skip)
    assert decision.reason is Reason.BLOCKED


def test_a_model_that_cannot_fit_has_a_way_past() -> None:
    fault = Fault(
        Path("recipe.yaml"), 0, "HW701", "The training takes about 808 GB, and this machine has 16 GB of RAM."
    )
    decision = decide(ON, [fault], None, "new", ())
    assert isinstance(decision, Skip)
    assert decision.message == (
        "Not trained: recipe.yaml:1 HW701 The training takes about 808 GB, and this machine has 16 GB of RAM. "
        "To train all the same, write lintune.lint.ignore: [HW701] in the recipe."
    )
