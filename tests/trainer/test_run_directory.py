"""The run directory while a run goes on: its record, how it ends, what is whole in it."""

import contextlib
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from lintune_schemas import events, runs
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import (
    Evaluation,
    EvaluationKind,
    RunCancelled,
    RunFailed,
    RunPaused,
    RunResumed,
    Stage,
    StageChanged,
    Warned,
)
from lintune_schemas.recipe import Recipe, from_mapping
from lintune_schemas.runs import DatasetLock
from lintune_trainer import process, workspace
from lintune_trainer.process import Cancelled, Paused
from lintune_trainer.run import Run, RunFailedError, create, remove_left_overs, reopen

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def printed() -> list[bytes]:
    return []


@pytest.fixture
def run(tmp_path: Path, recipe: MakeRecipe, printed: list[bytes]) -> Run:
    return create(recipe(), tmp_path, DatasetLock("0123456789abcdef"), printed.append)


@pytest.fixture
def stoppable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The trainer's signal handlers in this process, and the old ones back afterwards."""
    stop_signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in stop_signals]
    monkeypatch.setattr(process, "_stop_requested", False)
    process.stop_on_signals()
    yield
    for number, handler in zip(stop_signals, before, strict=True):
        signal.signal(number, handler)


def recorded(run: Run) -> list[events.Event]:
    return list(events.read(run.folder / runs.EVENTS))


def test_it_begins_with_its_lock_files(tmp_path: Path, recipe: MakeRecipe) -> None:
    asked = recipe(lora_r=4, lintune={"export": {"gguf": ["q8_0"]}})
    run = create(asked, tmp_path, DatasetLock("0123456789abcdef"), lambda _: None)
    assert run.folder.parent == tmp_path / ".lintune" / "runs"
    assert run.name.endswith("Z-01234567")
    locked = yaml.safe_load((run.folder / runs.RECIPE_LOCK).read_text())
    assert from_mapping(locked, "recipe.lock.yaml") == asked
    assert locked["learning_rate"] == 2e-4  # defaults are in it, too
    assert runs.read_dataset_lock(run.folder) == DatasetLock("0123456789abcdef")


def test_two_within_a_second_have_names_of_their_own(tmp_path: Path, recipe: MakeRecipe) -> None:
    made = [create(recipe(), tmp_path, DatasetLock("0" * 16), lambda _: None) for _ in range(3)]
    assert len({run.folder for run in made}) == 3


def test_what_is_printed_is_what_is_recorded(run: Run, printed: list[bytes]) -> None:
    with run.stage(Stage.TRAIN):
        run.warn("odd")
    assert (run.folder / runs.EVENTS).read_bytes().splitlines() == printed
    started, warned, finished = recorded(run)
    assert isinstance(started, StageChanged) and started.seconds is None
    assert isinstance(warned, Warned) and warned.message == "odd"
    assert isinstance(finished, StageChanged) and finished.seconds is not None


def test_an_exception_becomes_the_last_event(run: Run) -> None:
    with pytest.raises(RunFailedError), run.recorded(), run.stage(Stage.TRAIN):
        raise LintuneError("Too few lamps. Buy more.")
    started, failed = recorded(run)
    assert isinstance(started, StageChanged)
    assert isinstance(failed, RunFailed) and failed.message == "Too few lamps. Buy more."


def test_the_unexpected_names_the_log(run: Run) -> None:
    with pytest.raises(RunFailedError), run.recorded():
        raise ZeroDivisionError("lamps by zero")
    (failed,) = recorded(run)
    assert isinstance(failed, RunFailed)
    assert failed.message == (
        f"The trainer failed unexpectedly (ZeroDivisionError: lamps by zero). {run.folder}/trainer.log says where."
    )


def test_a_signal_becomes_the_last_event(run: Run, stoppable: None) -> None:
    with pytest.raises(Cancelled), run.recorded():
        run.warn("still going")
        os.kill(os.getpid(), signal.SIGTERM)
        run.warn("never said")
    assert [type(event) for event in recorded(run)] == [Warned, RunCancelled]


def test_a_signal_that_a_library_swallows_stops_the_next_event(run: Run, stoppable: None) -> None:
    with pytest.raises(Cancelled), run.recorded():
        with contextlib.suppress(BaseException):
            os.kill(os.getpid(), signal.SIGTERM)
        run.warn("never said")
    assert [type(event) for event in recorded(run)] == [RunCancelled]


def test_a_signal_in_the_middle_of_an_event_leaves_a_whole_line(
    tmp_path: Path, recipe: MakeRecipe, stoppable: None
) -> None:
    lines: list[bytes] = []

    def interrupted(line: bytes) -> None:
        if not lines:
            os.kill(os.getpid(), signal.SIGTERM)
        lines.append(line)

    run = create(recipe(), tmp_path, DatasetLock("0" * 16), interrupted)
    with pytest.raises(Cancelled), run.recorded():
        run.warn("said to its end")
        run.warn("never said")
    assert [type(events.decode(line)) for line in lines] == [Warned, RunCancelled]
    assert (run.folder / runs.EVENTS).read_bytes().splitlines() == lines


def test_a_line_that_does_not_fit_on_the_disk_is_taken_back(run: Run) -> None:
    run.warn("fits")
    size = (run.folder / runs.EVENTS).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            run.warn("fits no more")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    run.warn("fits again")
    assert [event.message for event in recorded(run) if isinstance(event, Warned)] == ["fits", "fits again"]


def test_left_overs_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("run/.partial-1-model-f16.gguf", "run/checkpoints/.partial-x/model", "run/adapter/model"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("half")
    remove_left_overs(tmp_path)
    assert [path.as_posix() for path in sorted(tmp_path.rglob("*")) if path.is_file()] == [
        (tmp_path / "run/adapter/model").as_posix()
    ]


def test_the_clock_was_set_back(tmp_path: Path, recipe: MakeRecipe) -> None:
    """The newest run has the last name, whatever time it is."""
    ahead = runs.runs_folder(tmp_path) / "29991231T235959Z-00000000"
    ahead.mkdir(parents=True)
    (ahead / runs.EVENTS).touch()
    made = create(recipe(), tmp_path, DatasetLock("0" * 16), lambda _: None)
    assert next(runs.run_directories(tmp_path)) == made.folder
    assert made.name == "30000101T000000Z-00000000"


def test_a_run_that_goes_on_forgets_what_is_done_again(tmp_path: Path, recipe: MakeRecipe) -> None:
    first = create(recipe(), tmp_path, DatasetLock("0" * 16), lambda _: None)
    for step in (1, 2, 3):
        first.emit(Evaluation(run=first.name, kind=EvaluationKind.CHECKPOINT, step=step, eval_loss=1.0, perplexity=2.7))
    path = first.folder / runs.EVENTS
    path.write_bytes(path.read_bytes() + b'{"event":"progr')  # killed as it wrote
    again = reopen(first.folder, lambda _: None)
    again.go_on(2)
    assert [made.step for made in again.past.evaluations] == [1, 2]
    assert [type(event) for event in events.read(path)] == [Evaluation, Evaluation, Evaluation, RunResumed]


def test_a_pause_ends_the_run_at_the_next_stage(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "pausing", lambda: True)
    with pytest.raises(Paused), run.recorded(), run.stage(Stage.EXPORT):
        pytest.fail("it began")
    assert [type(event) for event in recorded(run)] == [RunPaused]


def test_one_trainer_a_folder(tmp_path: Path) -> None:
    with workspace.locked(tmp_path):
        assert (tmp_path / ".lintune" / ".gitignore").read_text() == "*\n"
        with pytest.raises(LintuneError, match="Another training is running"), workspace.locked(tmp_path):
            pass
    with workspace.locked(tmp_path):
        pass
