"""eval.json: every evaluation of a run and each sample of its eval set, kept when a run goes on in another process."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lintune_schemas import run_evaluation
from lintune_schemas.events import Evaluation, EvaluationKind
from lintune_schemas.run_evaluation import Mark, SampleScore
from lintune_trainer import eval_file
from lintune_trainer.data import Sample
from lintune_trainer.evaluation import Score, Scores

from .trainer_process import LAMPS

SCHEMA = json.loads(files("lintune_schemas").joinpath("json", "eval.schema.json").read_text())
RIGHT, WRONG = Score(0.5, 4, 4), Score(8.0, 4, 1)


@pytest.fixture
def write(tmp_path: Path, samples: list[Sample]) -> Callable[..., run_evaluation.RunEvaluation]:
    """Write the file about the first four lamps, and read it."""

    def written(*evaluations: Evaluation, **scores: Scores) -> run_evaluation.RunEvaluation:
        eval_file.write(tmp_path, LAMPS, samples[:4], evaluations, **scores)
        Draft202012Validator(SCHEMA).validate(json.loads((tmp_path / "eval.json").read_text()))
        found = run_evaluation.read(tmp_path)
        assert found is not None
        return found

    return written


def test_the_base_model_is_kept_for_a_process_that_goes_on(write: Callable[..., run_evaluation.RunEvaluation]) -> None:
    before = write(base=Scores((WRONG, RIGHT, WRONG, RIGHT)))
    assert [result.mark for result in before.each] == [None] * 4
    write(tuned=Scores((RIGHT, WRONG, WRONG, RIGHT)))
    after = write(Evaluation(run="r", kind=EvaluationKind.FINAL, step=9, eval_loss=0.5, perplexity=1.6))
    assert [result.mark for result in after.each] == [Mark.FIXED, Mark.BROKEN, Mark.STILL_WRONG, Mark.STILL_RIGHT]
    assert after.each[0].base == SampleScore(2.0, 4, 1, exact=False)
    assert [made.eval_loss for made in after.evaluations] == [0.5]


def test_samples_are_named_as_the_recipe_and_the_editor_do(
    write: Callable[..., run_evaluation.RunEvaluation], samples: list[Sample]
) -> None:
    found = write()
    assert [(one.path, one.line) for one in found.each] == [("train.jsonl", sample.line) for sample in samples[:4]]
    assert [bytes.fromhex(one.digest) for one in found.each] == [sample.digest for sample in samples[:4]]
    assert found.trained_tokens == sum(sample.trained_tokens for sample in samples[:4])


def test_scores_of_another_sample_are_not_taken_over(
    write: Callable[..., run_evaluation.RunEvaluation], tmp_path: Path
) -> None:
    write(base=Scores((RIGHT,) * 4))
    file = tmp_path / "eval.json"
    changed = json.loads(file.read_text())
    changed["each"][2]["digest"] = "00" * 32
    file.write_text(json.dumps(changed))
    assert [one.base is not None for one in write().each] == [True, True, False, True]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"samples": 1}'])
def test_a_damaged_file_is_written_anew(
    write: Callable[..., run_evaluation.RunEvaluation], tmp_path: Path, content: str
) -> None:
    (tmp_path / "eval.json").write_text(content)
    assert run_evaluation.read(tmp_path) is None
    assert all(one.base for one in write(base=Scores((RIGHT,) * 4)).each)


def test_a_file_of_an_older_version_is_read(tmp_path: Path) -> None:
    measured = {"kind": "final", "step": 3, "eval_loss": 1.0, "perplexity": 2.7, "something": "new"}
    (tmp_path / "eval.json").write_text(json.dumps({"samples": 2, "trained_tokens": 9, "evaluations": [measured]}))
    found = run_evaluation.read(tmp_path)
    assert found is not None and found.each == []


def test_without_an_eval_set_there_is_no_file(tmp_path: Path) -> None:
    eval_file.write(tmp_path, LAMPS, [], [])
    assert run_evaluation.read(tmp_path) is None
