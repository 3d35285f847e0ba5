"""SIGKILL at random moments of a run: it is resumed, and ends as if nothing had been.

Two chains of kills go on at once, each in a workspace of its own. In a chain a run is killed in one part after the
other, from its first import to the proof of its export; then it is let go to its end.
"""

import json
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import copytree

import pytest
import yaml
from safetensors import safe_open

from lintune_schemas import atomic, events, history, runs
from lintune_schemas.events import (
    ArtefactWritten,
    CheckpointSaved,
    Evaluation,
    Event,
    Progress,
    RunFinished,
    Stage,
    StageChanged,
)
from lintune_trainer import checkpoints
from lintune_trainer.proof.gguf_head import Reader

from .trainer_process import LAMPS, command, only_run, train

pytestmark = pytest.mark.slow

CHAINS = 2
EPOCHS = 6


@dataclass(frozen=True)
class Part:
    """A part of a run: it begins with the first event that fits; None for the start of the process."""

    name: str
    begins: Callable[[Event], bool] | None
    needs: str | None = None
    """What is there when it begins. Where an earlier kill came after that was written, the export begins with it."""
    makes: str | None = None
    """What is there when it is done; then there is nothing more to kill."""

    def begins_with(self, event: Event, run: Path) -> bool:
        assert self.begins is not None
        at_once = self.needs is not None and (run / self.needs).exists() and stage(Stage.EXPORT)(event)
        return at_once or self.begins(event)


def stage(wanted: Stage) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, StageChanged) and event.stage is wanted and event.state == "started"


def step(wanted: int) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Progress) and event.step == wanted


def wrote(name: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, ArtefactWritten) and event.path == name


PARTS = (
    Part("start", None),
    Part("prepare", stage(Stage.PREPARE)),
    Part("baseline", stage(Stage.BASELINE)),
    Part("step", step(3)),
    Part("checkpoint", step(5)),  # every fifth step ends with one
    Part("step", step(8)),
    Part("between evaluation", step(10)),  # of an epoch of five steps
    Part("checkpoint", step(15)),
    Part("step", step(18)),
    Part("step", step(23)),
    Part("last checkpoint and adapter", step(5 * EPOCHS)),
    Part("final evaluation", stage(Stage.EVALUATE)),
    Part("merge", stage(Stage.EXPORT), makes="merged"),
    Part("convert", wrote("merged"), needs="merged", makes="model-f16.gguf"),
    Part("quantize", wrote("model-f16.gguf"), needs="model-f16.gguf", makes="model-q4_k_m.gguf"),
    Part("verify", stage(Stage.VERIFY)),
)


@pytest.fixture
def workspace(tmp_path: Path, small_model: Path) -> Path:
    """The lamps with a small random model."""
    folder = Path(copytree(LAMPS, tmp_path / "lamps"))
    recipe = folder / "recipe.yaml"
    values = yaml.safe_load(recipe.read_text())
    values |= {"base_model": str(small_model), "micro_batch_size": 7, "num_epochs": EPOCHS, "save_steps": 5}
    values |= {"eval_steps": 5, "lora_dropout": 0.1}
    recipe.write_text(yaml.safe_dump(values))
    return folder


def killed(folder: Path, part: Part, delay: float, resume: bool) -> str | None:
    """Start or resume the run, and kill it so many seconds into a part; the part's name, or None if it ended first."""
    options = ("--resume", "latest") if resume else ()
    child = subprocess.Popen(
        command("train", folder / "recipe.yaml", *options),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None and child.stderr is not None
    timer = threading.Timer(delay, child.kill)
    armed = part.begins is None
    if armed:
        timer.start()
    for line in child.stdout:
        event = events.decode(line)
        if part.begins and not armed and part.begins_with(event, runs.runs_folder(folder) / event.run):
            armed = True
            timer.start()
    words = child.stderr.read().decode()
    code = child.wait()
    timer.cancel()
    assert code in (0, -9), words
    return part.name if code == -9 else None


def lengths(reference: list[Event]) -> dict[str, float]:
    """Seconds that each part took in an uninterrupted run: up to the event after the one that it begins with."""
    times = [datetime.fromisoformat(event.time).timestamp() for event in reference]
    found = {}
    for part in PARTS:
        begin = next((i for i, event in enumerate(reference) if part.begins and part.begins(event)), None)
        if begin is not None:
            end = begin + 1
            while part.name == "merge" and not isinstance(reference[end], ArtefactWritten):
                end += 1
            found[part.name] = max(times[end] - times[begin], found.get(part.name, 0.0), 0.02)
    return found


def artefacts(run: Path) -> Iterator[str]:
    """What has its final name in a run directory, each read to its end."""
    for path in [run / runs.ADAPTER_GGUF, *run.glob("model-*.gguf"), *runs.checkpoint_adapters(run).values()]:
        if not path.exists():
            continue
        for tensor in Reader(path).tensors:
            assert tensor.data.size
        yield "gguf"
    for name in ("adapter", "merged"):
        for path in (run / name).glob("*.safetensors"):
            with safe_open(path, "pt") as file:
                for key in file.keys():  # noqa: SIM118 (no mapping)
                    file.get_tensor(key)
            yield name
    for checkpoint in checkpoints.found(checkpoints.folder_of(run)):
        assert checkpoints.whole(checkpoint), checkpoint
        yield "checkpoint"
    for name in ("eval.json", "verify.json", runs.DATASET_LOCK):
        if (run / name).exists():
            assert json.loads((run / name).read_text())
            yield name
    assert yaml.safe_load((run / runs.RECIPE_LOCK).read_text())["base_model"]


def curve(run: Path) -> list[tuple[int, float]]:
    return [(made.step, made.loss) for made in history.of(events.read(run / runs.EVENTS)).progress]


def chain(folder: Path, spans: dict[str, float], seed: int) -> tuple[Counter[str], Counter[str]]:
    """How often a run was killed in each part, and how many artefacts of each kind were looked at afterwards."""
    kills: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    moments = random.Random(seed)
    for part in PARTS:
        begun = any(runs.run_directories(folder))
        if part.makes and begun and (only_run(folder) / part.makes).exists():
            continue
        name = killed(folder, part, moments.uniform(0, spans[part.name]), begun)
        if name is None:
            break  # this machine was faster than before: the run has ended
        kills[name] += 1
        for run in runs.run_directories(folder):
            seen.update(artefacts(run))
    return kills, seen


def test_every_kill_is_survived(workspace: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folders = [Path(copytree(workspace, tmp_path / f"chain-{number}")) for number in range(CHAINS)]
    begin = time.perf_counter()
    ended = train(workspace)
    assert ended.code == 0, ended.words
    reference = only_run(workspace)
    spans = lengths(ended.events) | {"start": time.perf_counter() - begin - history.of(ended.events).seconds}

    with ThreadPoolExecutor(2) as pool:
        chains = [pool.submit(chain, folder, spans, seed) for seed, folder in enumerate(folders)]
        results = [each.result() for each in chains]
    kills, seen = sum((each[0] for each in results), Counter()), sum((each[1] for each in results), Counter())

    for folder in folders:
        if not isinstance(runs.read_events(only_run(folder))[-1], RunFinished):
            final = subprocess.run(command("train", folder / "recipe.yaml", "--resume", "latest"), capture_output=True)
            assert final.returncode == 0, final.stderr.decode()
        run = only_run(folder)
        recorded = list(events.read(run / runs.EVENTS))
        assert isinstance(recorded[-1], RunFinished) and recorded[-1].model == "model-q4_k_m.gguf"
        assert [at for at, _ in curve(run)] == [at for at, _ in curve(reference)] == list(range(1, 5 * EPOCHS + 1))
        # The same samples in the same order, with the same dropout: not near the same, but the same.
        assert [loss for _, loss in curve(run)] == pytest.approx([loss for _, loss in curve(reference)], abs=1e-5)
        assert {type(event) for event in recorded} >= {Evaluation, CheckpointSaved}
        assert not list(run.rglob(f"{atomic.PARTIAL_PREFIX}*"))

    with capsys.disabled():
        print(f"\nSIGKILL at {kills.total()} moments, all survived: {dict(kills)}")
        print(f"whole under their final names, after a kill: {dict(seen)}")
    assert kills.total() >= 30
    assert kills.keys() >= {part.name for part in PARTS} - {"verify"}
