"""A trainer that does what the file `behaviour` beside the recipe says, in the real trainer's words.

For what the real one does rarely or slowly: dying, hanging, printing nonsense. Tests put this package before
the real one on PYTHONPATH.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from lintune_schemas import datasets, events, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.events import (
    Progress,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    StageChanged,
    Warned,
)

STEPS = 3


def main() -> None:
    recipe_path = Path(sys.argv[2])
    folder = recipe_path.parent if sys.argv[1] == "train" else runs.recipe_folder(recipe_path)
    what = (folder / "behaviour").read_text().split() if (folder / "behaviour").exists() else ["finish"]
    if "refuse" in what:
        print("loading", file=sys.stderr)
        print("Another training is running here.", file=sys.stderr)
        sys.exit(2)
    if "crash" in what:
        raise RuntimeError("boom")
    if sys.argv[1] in ("export", "verify"):
        work_on_finished(Path(sys.argv[2]), what)
        return

    recipe = recipes.load(recipe_path)
    resumed = sys.argv[sys.argv.index("--resume") + 1] if "--resume" in sys.argv else None
    run = runs.runs_folder(folder) / (resumed or f"{time.time_ns()}-scripted")
    runs.state_folder(folder).mkdir(exist_ok=True)
    lock = FileLock(runs.train_lock(folder))  # as long as there is this object
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Another training is running here.", file=sys.stderr)
        sys.exit(2)
    run.mkdir(parents=True, exist_ok=True)
    log = (run / runs.EVENTS).open("ab", buffering=0)

    def tell(event: events.Event) -> None:
        line = events.encode(event) + b"\n"
        log.write(line)
        os.write(1, line)  # unbuffered: a signal may come in the midst of it, and tell something itself

    def stop(*_: object) -> None:
        tell(RunCancelled(run=run.name, step=1))
        sys.exit(130)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in what else stop)
    if not resumed:
        train = [datasets.read(folder / entry.path, entry) for entry in recipe.datasets]
        runs.write_dataset_lock(run, runs.lock_datasets(recipe, recipe_path, train, []))
    (run / "niceness").write_text(str(os.nice(0)))
    group = Path("/proc/self/autogroup")  # not on every system
    (run / "autogroup").write_text(group.read_text() if group.is_file() else "nice 10")
    (run / "argv").write_bytes(msgspec.json.encode(sys.argv[3:]))
    if resumed:
        tell(RunResumed(run=run.name, pid=os.getpid(), step=1))
    else:
        tell(started(run, recipe_path, recipe.base_model))
    if "nonsense" in what:
        print("this is no event")
        print('{"event": "unknown"}')
        print("x" * 5_000_000, flush=True)
    tell(StageChanged(run=run.name, stage=events.Stage.TRAIN, state=events.StageState.STARTED))
    for step in range(2 if resumed else 1, STEPS + 1):
        tell(progress(run, step))
        if step == 1 and "die" in what:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == 1 and "orphan" in what:  # its child keeps the pipes open
            subprocess.Popen(["sleep", "60"])
            os.kill(os.getpid(), signal.SIGKILL)
        if step == 1 and "hang" in what:
            pausing.wait(60)
        if step == 1 and "stubborn" in what:
            time.sleep(60)
        if step == 1 and "gate" in what:
            while not (folder / "go").exists() and not pausing.is_set():
                time.sleep(0.01)
        if "slow" in what:
            pausing.wait(0.3)
        if pausing.is_set():
            tell(RunPaused(run=run.name, step=step))
            sys.exit(0)
    for topic in events.WarningTopic:
        if topic in what:
            places = [events.SamplePlace("train.jsonl", 2)]
            tell(Warned(run=run.name, message=f"About {topic}.", topic=topic, epoch=1.0, samples=places))
    if "fail" in what:
        places = [events.SamplePlace("train.jsonl", 1)] if "samples" in what else []
        tell(RunFailed(run=run.name, message="Out of memory: halve micro_batch_size.", samples=places))
        sys.exit(1)
    tell(RunFinished(run=run.name, seconds=1.5, eval_loss_before=2.0, eval_loss_after=0.5, model=None))


def work_on_finished(run: Path, what: list[str]) -> None:
    """Export the quantizations that are asked for, and say that they are proven, or not."""
    FileLock(lock := runs.train_lock(runs.recipe_folder(run))).acquire(timeout=0)

    def tell(event: events.Event) -> None:
        os.write(1, events.encode(event) + b"\n")

    for stage in (events.Stage.EXPORT, events.Stage.VERIFY) if sys.argv[1] == "export" else (events.Stage.VERIFY,):
        tell(StageChanged(run=run.name, stage=stage, state=events.StageState.STARTED))
        while "gate" in what and not (lock.parents[1] / "go").exists():
            time.sleep(0.01)
        for name in sys.argv[4].split(",") if stage is events.Stage.EXPORT else ():
            (run / f"model-{name}.gguf").write_bytes(b"GGUF")
            kind = events.ArtefactKind.GGUF
            tell(
                events.ArtefactWritten(
                    run=run.name, kind=kind, path=f"model-{name}.gguf", bytes=4_000_000, quantization=name
                )
            )
    ok = "differ" not in what
    tell(events.Verified(run=run.name, ok=ok, checks=[]))
    if not ok:
        tell(Warned(run=run.name, message="The export is not the model that was trained (tokenizer)."))
        sys.exit(1)


def started(run: Path, recipe: Path, base_model: str) -> RunStarted:
    return RunStarted(
        run=run.name,
        recipe=recipe.name,
        run_dir=run.relative_to(recipe.parent).as_posix(),
        pid=os.getpid(),
        base_model=base_model,
        samples=1,
        eval_samples=0,
        trained_tokens=1,
        total_steps=STEPS,
        device="cpu",
    )


def progress(run: Path, step: int) -> Progress:
    return Progress(
        run=run.name,
        step=step,
        total_steps=STEPS,
        epoch=step / STEPS,
        loss=1 / step,
        learning_rate=1e-3,
        tokens_per_second=100,
        eta_seconds=STEPS - step,
    )


pausing = threading.Event()


def listen() -> None:
    for line in iter(lambda: os.read(0, 100), b""):
        if line.strip() == b"pause":
            pausing.set()


threading.Thread(target=listen, daemon=True).start()
main()
