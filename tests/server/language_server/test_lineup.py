"""Which models are asked, by what the runs of a recipe left behind."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from filelock import FileLock

from lintune_schemas import datasets, events, run_evaluation, runs
from lintune_schemas.events import AdapterSaved, Event, Progress, RunCancelled, RunPaused
from lintune_schemas.run_evaluation import RunEvaluation, SampleResult, SampleScore
from lintune_server.language_server.lineup import Lineup, Lineups
from lintune_server.language_server.marks import of_line
from lintune_server.lint.context import Context, context_for

from ..sidecar.workspace import MODEL, RECIPE, add_run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "exported.gguf"
    path.touch()
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def lineups() -> Iterator[Lineups]:
    yield Lineups()


def context_of(recipe: Path) -> Context:
    return context_for(recipe.parent / "train.jsonl", recipe)


def shown(lineup: Lineup) -> list[tuple[str, str, str]]:
    """Title, id and file of each model that a hover asks."""
    return [(voice.title, voice.model.id, voice.model.path.name) for voice in lineup.asked]


def add_event(run: Path, event: Event) -> None:
    with (run / runs.EVENTS).open("ab") as file:
        file.write(events.encode(event) + b"\n")


def add_checkpoint(run: Path, step: int, content: Path | None = None) -> Path:
    """content: the adapter, where it is to be one."""
    adapter = runs.checkpoint_adapter(run, step)
    adapter.parent.mkdir(exist_ok=True)
    adapter.write_bytes(content.read_bytes() if content else b"")
    add_event(run, AdapterSaved(run=run.name, step=step, path=str(adapter.relative_to(run))))
    return adapter


def begun(recipe: Path, name: str) -> Path:
    """A run that goes on."""
    run = add_run(recipe, name)
    first, _ = (run / runs.EVENTS).read_bytes().splitlines(keepends=True)
    (run / runs.EVENTS).write_bytes(first)
    return run


def test_nothing_was_tuned(recipe: Path, lineups: Lineups) -> None:
    assert lineups.of(context_of(recipe)).asked == ()
    add_run(recipe, "20260101-a", cancelled=True)
    assert lineups.of(context_of(recipe)).asked == ()
    assert lineups.of(Context()).asked == ()


def test_the_adapter_on_the_base_model_else_what_was_exported(recipe: Path, lineups: Lineups, model: Path) -> None:
    run = add_run(recipe, "20260101-a", model=model)
    base = lineups.of(context_of(recipe)).base
    assert base
    name = base.model.path.name
    of_file = [("Tuned model", "run:20260101-a", MODEL), ("Base model", "base", name)]
    assert shown(lineups.of(context_of(recipe))) == of_file
    (run / "adapter.gguf").touch()
    found = lineups.of(context_of(recipe))
    assert shown(found) == [("Tuned model", "run:20260101-a", "adapter.gguf"), ("Base model", "base", name)]
    assert found.tuned
    assert found.tuned.model.file == base.model.file
    assert found.tuned.model.context == 512 + 128
    assert add_run(recipe, "20260102-b", model=None)
    assert shown(lineups.of(context_of(recipe))) == [], "the newest one left no model"


def test_what_a_training_has_come_to(recipe: Path, lineups: Lineups, model: Path) -> None:
    add_run(recipe, "20260101-a", model=model)
    run = begun(recipe, "20260102-b")
    (titles,) = {tuple(title for title, _, _ in shown(lineups.of(context_of(recipe))))}
    assert titles == ("Tuned model", "Base model"), "its process is gone"
    lock = runs.train_lock(recipe.parent)
    lock.parent.mkdir(exist_ok=True)
    with FileLock(lock):
        assert [title for title, _, _ in shown(lineups.of(context_of(recipe)))] == ["Tuned model", "Base model"]
        for step in (5, 10):
            add_checkpoint(run, step)
            first = lineups.of(context_of(recipe)).asked[0]
            assert (first.title, first.detail) == ("Tuned so far", f"step {step}, run 20260102-b")
            assert first.model.id == f"checkpoint:{step}"
        with (run / runs.EVENTS).open("ab") as file:
            file.write(b'{"event": "checkpoint", "step": 15, "adapt')  # being written
        assert lineups.of(context_of(recipe)).asked[0].model.id == "checkpoint:10"
        (run / "checkpoints/adapter-10.gguf").unlink()
        assert lineups.of(context_of(recipe)).asked[0].title == "Tuned model", "deleted for a newer one"


def test_while_there_is_no_checkpoint_the_base_model_is_asked(recipe: Path, lineups: Lineups) -> None:
    begun(recipe, "20260102-b")
    lock = runs.train_lock(recipe.parent)
    lock.parent.mkdir(exist_ok=True)
    with FileLock(lock):
        assert [id_ for _, id_, _ in shown(lineups.of(context_of(recipe)))] == ["base"]
    assert shown(lineups.of(context_of(recipe))) == []


def test_a_run_that_rests_is_asked_and_one_that_was_stopped_is_not(recipe: Path, lineups: Lineups) -> None:
    run = begun(recipe, "20260101-a")
    add_checkpoint(run, 5)
    add_event(run, RunPaused(run=run.name, step=5))
    assert lineups.of(context_of(recipe)).asked[0].model.id == "checkpoint:5"
    add_event(run, RunCancelled(run=run.name, step=5))
    assert lineups.of(context_of(recipe)).asked == ()


def test_another_base_model_or_template_is_not_asked(recipe: Path, lineups: Lineups, model: Path) -> None:
    add_run(recipe, "20260101-a", model=model)
    recipe.write_text(f"{RECIPE}chat_template: chatml\n")
    found = lineups.of(context_of(recipe))
    assert found.tuned is None
    assert found.problem
    assert "run 20260101-a was made from smollm2-135m-instruct, perhaps with another chat template" in found.problem


def test_only_what_is_new_of_a_record_is_read(recipe: Path, lineups: Lineups, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun(recipe, "20260101-a")
    add_checkpoint(run, 5)
    add_event(run, RunPaused(run=run.name, step=5))
    decoded: list[bytes] = []
    decode = events.decode
    monkeypatch.setattr(events, "decode", lambda line: decoded.append(line) or decode(line))
    lineups.of(context_of(recipe))
    assert len(decoded) == 3
    lineups.of(context_of(recipe))
    assert len(decoded) == 3
    step = Progress(
        run="a", step=6, total_steps=9, epoch=1, loss=1, learning_rate=1, tokens_per_second=1, eta_seconds=1
    )
    add_event(run, step)
    lineups.of(context_of(recipe))
    assert len(decoded) == 4


def test_results_are_found_by_what_is_in_a_sample(recipe: Path, lineups: Lineups, model: Path) -> None:
    run = add_run(recipe, "20260101-a", model=model)
    assert lineups.results(context_of(recipe)) == {}
    (recipe.parent / "eval.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    (read,) = datasets.read(recipe.parent / "eval.jsonl").samples
    right, wrong = SampleScore(0.1, 2, 2, exact=True), SampleScore(3.0, 2, 1, exact=False)
    result = SampleResult("eval.jsonl", 1, read.digest.hex(), wrong, right)
    (run / run_evaluation.FILE).write_bytes(msgspec.json.encode(RunEvaluation(1, 2, [], [result])))
    results = lineups.results(context_of(recipe))
    for line in (
        '{"completion":"b","prompt":"a"}',
        '\ufeff{"_lintune_ignore": ["QL401"], "prompt": "a", "completion": "b"}',
    ):
        assert of_line(line, results) == result
    for line in ('{"prompt": "a", "completion": "c"}', "{broken", "[]", "", f"{'[' * 2000}{']' * 2000}"):
        assert of_line(line, results) is None
    os.utime(run / run_evaluation.FILE, ns=(1, 1))
    (run / run_evaluation.FILE).write_text("{")
    assert lineups.results(context_of(recipe)) == {}
