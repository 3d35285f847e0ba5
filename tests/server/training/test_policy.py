"""Which saves train. Each row is a situation and what must follow."""

from pathlib import Path

import pytest

from lintune_schemas.recipe import LintuneSection, Recipe
from lintune_server.training.policy import Fault, Reason, Skip, Train, decide

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
