"""The life of a trainer process, with a trainer that misbehaves on purpose (`scripted_trainer/`)."""

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import psutil
import pytest

from lintune_schemas.errors import LintuneError
from lintune_schemas.events import Event, Progress, RunFinished, RunResumed, RunStarted
from lintune_server.training import runs, supervisor
from lintune_server.training.runs import RunState
from lintune_server.training.supervisor import Outcome, Phase, TrainerProcess

pytestmark = pytest.mark.usefixtures("scripted_trainer")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    path = tmp_path / "recipe.yaml"
    path.write_text("base_model: model\ndatasets:\n  - path: train.jsonl\n")
    return path


def behave(recipe: Path, *words: str) -> None:
    recipe.with_name("behaviour").write_text(" ".join(words))


async def train(recipe: Path, *assignments: str) -> tuple[Outcome, list[Event], list[str]]:
    seen: list[Event] = []
    words: list[str] = []
    process = TrainerProcess(recipe, assignments, on_event=seen.append, on_log=words.append)
    async with asyncio.timeout(30):
        return await process.wait(), seen, words


async def test_a_run_from_start_to_end(recipe: Path) -> None:
    outcome, seen, _ = await train(recipe)
    assert outcome.phase is Phase.FINISHED
    assert outcome.message == "Trained in 0:02: evaluation loss 2.000 → 0.500."
    assert isinstance(seen[0], RunStarted)
    assert isinstance(seen[-1], RunFinished)
    assert [event.step for event in seen if isinstance(event, Progress)] == [1, 2, 3]
    last = runs.last_finished(recipe)
    assert last is not None
    assert last.folder == outcome.run
    assert last.fingerprint is not None


async def test_assignments_are_handed_on_and_priority_is_low(recipe: Path) -> None:
    outcome, _, _ = await train(recipe, "max_steps=2", "lora_r=4")
    assert outcome.run is not None
    argv = msgspec.json.decode((outcome.run / "argv").read_bytes())
    assert argv == ["--set", "max_steps=2", "--set", "lora_r=4"]
    assert int((outcome.run / "niceness").read_text()) > os.nice(0)
    assert (outcome.run / "autogroup").read_text().split()[-1] == "10", "nor does it count as a session of its own"


async def test_what_is_no_event_is_skipped(recipe: Path) -> None:
    behave(recipe, "nonsense")
    outcome, seen, _ = await train(recipe)
    assert outcome.phase is Phase.FINISHED
    assert len(seen) == 6


async def test_a_failure_is_told_in_the_trainers_words(recipe: Path) -> None:
    behave(recipe, "fail")
    outcome, _, _ = await train(recipe)
    assert (outcome.phase, outcome.message) == (Phase.FAILED, "Out of memory: halve micro_batch_size.")


@pytest.mark.parametrize("how", ["die", "orphan"])
async def test_a_killed_trainer_is_told_as_such(recipe: Path, how: str) -> None:
    behave(recipe, how)
    outcome, _, _ = await train(recipe)
    assert outcome.phase is Phase.DIED
    assert outcome.message == ("The trainer was killed (SIGKILL, perhaps out of memory). It can be resumed.")
    assert outcome.run is not None
    assert runs.read(outcome.run).state is RunState.DEAD
    assert runs.last_finished(recipe) is None


@pytest.mark.parametrize(
    ("how", "words"), [("refuse", "Another training is running here."), ("crash", "RuntimeError: boom")]
)
async def test_a_trainer_that_does_not_begin_says_why(recipe: Path, how: str, words: str) -> None:
    behave(recipe, how)
    outcome, _, log = await train(recipe)
    assert outcome.phase is Phase.REFUSED
    assert outcome.message == f"The training could not start: {words}"
    assert log[-1] == words
    assert outcome.run is None


@pytest.mark.parametrize("how", ["hang", "stubborn"])
async def test_cancel_asks_and_then_kills(recipe: Path, how: str) -> None:
    behave(recipe, how)
    stepped = asyncio.Event()

    def on_event(event: Event) -> None:
        if isinstance(event, Progress):
            stepped.set()

    process = TrainerProcess(recipe, on_event=on_event)
    running = asyncio.create_task(process.wait())
    async with asyncio.timeout(30):
        await stepped.wait()
        process.cancel(grace_seconds=0.5)
        outcome = await running
    assert outcome.phase is Phase.CANCELLED
    assert process.pid is not None
    assert not psutil.pid_exists(process.pid)
    assert outcome.run is not None
    recorded = runs.read(outcome.run).state
    assert recorded is (RunState.CANCELLED if how == "hang" else RunState.DEAD)


async def test_cancel_before_the_process_is_there(recipe: Path) -> None:
    process = TrainerProcess(recipe, on_event=lambda event: None)
    process.cancel()
    outcome = await process.wait()
    assert outcome.phase is Phase.CANCELLED
    assert process.pid is None


async def test_a_pause_and_going_on(recipe: Path) -> None:
    behave(recipe, "hang")
    stepped = asyncio.Event()
    process = TrainerProcess(recipe, on_event=lambda event: isinstance(event, Progress) and stepped.set())
    running = asyncio.create_task(process.wait())
    async with asyncio.timeout(30):
        await stepped.wait()
        process.pause()
        outcome = await running
    assert (outcome.phase, outcome.message) == (Phase.PAUSED, "The training is paused after step 1.")
    assert outcome.run is not None
    assert runs.read(outcome.run).state is RunState.PAUSED
    process.pause()  # it is over: nothing to ask
    seen: list[Event] = []
    behave(recipe, "finish")
    resumed = await TrainerProcess(recipe, resume=outcome.run.name, on_event=seen.append).wait()
    assert (resumed.phase, resumed.run) == (Phase.FINISHED, outcome.run)
    assert isinstance(seen[0], RunResumed)


async def test_a_trainer_that_is_killed_before_it_begins(recipe: Path) -> None:
    behave(recipe, "refuse")
    process = TrainerProcess(recipe, on_event=lambda event: None)
    running = asyncio.create_task(process.wait())
    async with asyncio.timeout(30):
        while process.pid is None:
            await asyncio.sleep(0)
        os.kill(process.pid, signal.SIGKILL)
        outcome = await running
    assert outcome == Outcome(
        Phase.DIED, "The trainer was killed (SIGKILL, perhaps out of memory). It had not begun yet."
    )


async def test_a_pause_before_the_process_is_there(recipe: Path) -> None:
    behave(recipe, "hang")
    process = TrainerProcess(recipe, on_event=lambda event: None)
    process.pause()
    async with asyncio.timeout(30):
        outcome = await process.wait()
    assert outcome.phase is Phase.PAUSED


async def test_who_does_not_pause_in_time_is_killed_and_can_be_resumed(recipe: Path) -> None:
    behave(recipe, "stubborn")
    stepped = asyncio.Event()
    process = TrainerProcess(recipe, on_event=lambda event: isinstance(event, Progress) and stepped.set())
    running = asyncio.create_task(process.wait())
    async with asyncio.timeout(30):
        await stepped.wait()
        process.pause(kill_after=0.3)
        outcome = await running
    assert outcome.phase is Phase.DIED
    assert outcome.run is not None
    assert runs.read(outcome.run).can_be_resumed


async def test_a_listener_that_fails_does_not_end_the_run(recipe: Path) -> None:
    def on_event(event: Event) -> None:
        raise ValueError("a fault of the listener")

    outcome = await TrainerProcess(recipe, on_event=on_event).wait()
    assert outcome.phase is Phase.FINISHED


async def test_a_cancelled_wait_leaves_no_process(recipe: Path) -> None:
    behave(recipe, "stubborn")
    stepped = asyncio.Event()
    process = TrainerProcess(recipe, on_event=lambda event: stepped.set())
    running = asyncio.create_task(process.wait())
    async with asyncio.timeout(30):
        await stepped.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        while psutil.pid_exists(process.pid or 0) and psutil.Process(process.pid).status() != "zombie":
            await asyncio.sleep(0.05)


async def test_no_recipe_is_said(tmp_path: Path) -> None:
    with pytest.raises(LintuneError, match="There is no recipe"):
        await TrainerProcess(tmp_path / "recipe.yaml", on_event=lambda event: None).wait()


async def test_modules_beside_the_recipe_are_not_run(recipe: Path) -> None:
    """A folder from the internet may hold a `lintune_schemas.py`."""
    recipe.with_name("lintune_schemas.py").write_text("raise SystemExit('run from the workspace')")
    outcome, _, _ = await train(recipe)
    assert outcome.phase is Phase.FINISHED


def test_a_missing_train_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "find_spec", lambda name: None if name in ("torch", "peft") else object())
    with pytest.raises(LintuneError, match=r"Training needs torch, peft\. .* install \"lintune\[train\]\""):
        supervisor.require_train_extra()


async def test_the_words_of_a_signal(recipe: Path) -> None:
    behave(recipe, "hang")
    process = TrainerProcess(
        recipe, on_event=lambda event: isinstance(event, Progress) and os.kill(process.pid, signal.SIGSEGV)
    )
    outcome = await process.wait()
    assert outcome.message == "The trainer was killed (SIGSEGV). It can be resumed."
