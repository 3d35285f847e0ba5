"""A trainer that does what the file `behaviour` beside the recipe says, in the real trainer's words.

For what the real one does rarely or slowly: dying, hanging, printing nonsense. Tests put this package before
the real one on PYTHONPATH.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from lintune_schemas import datasets, events, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.events import Progress, RunCancelled, RunFailed, RunFinished, RunStarted, StageChanged

STEPS = 3


def main() -> None:
    recipe_path = Path(sys.argv[2])
    folder = recipe_path.parent
    what = (folder / "behaviour").read_text().split() if (folder / "behaviour").exists() else ["finish"]
    if "refuse" in what:
        print("loading", file=sys.stderr)
        print("Another training is running here.", file=sys.stderr)
        sys.exit(2)
    if "crash" in what:
        raise RuntimeError("boom")

    recipe = recipes.load(recipe_path)
    run = runs.runs_folder(folder) / f"{time.time_ns()}-scripted"
    runs.state_folder(folder).mkdir(exist_ok=True)
    lock = FileLock(runs.train_lock(folder))  # as long as there is this object
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Another training is running here.", file=sys.stderr)
        sys.exit(2)
    run.mkdir(parents=True)
    log = (run / runs.EVENTS).open("ab", buffering=0)

    def tell(event: events.Event) -> None:
        line = events.encode(event) + b"\n"
        log.write(line)
        os.write(1, line)  # unbuffered: a signal may come in the midst of it, and tell something itself

    def stop(*_: object) -> None:
        tell(RunCancelled(run=run.name, step=1))
        sys.exit(130)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in what else stop)
    train = [datasets.read(folder / entry.path, entry) for entry in recipe.datasets]
    runs.write_dataset_lock(run, runs.lock_datasets(recipe, recipe_path, train, []))
    (run / "niceness").write_text(str(os.nice(0)))
    (run / "argv").write_bytes(msgspec.json.encode(sys.argv[3:]))
    tell(
        RunStarted(
            run=run.name,
            recipe=recipe_path.name,
            run_dir=run.relative_to(folder).as_posix(),
            pid=os.getpid(),
            base_model=recipe.base_model,
            samples=1,
            eval_samples=0,
            trained_tokens=1,
            total_steps=STEPS,
            device="cpu",
        )
    )
    if "nonsense" in what:
        print("this is no event")
        print('{"event": "unknown"}')
        print("x" * 5_000_000, flush=True)
    tell(StageChanged(run=run.name, stage=events.Stage.TRAIN, state=events.StageState.STARTED))
    for step in range(1, STEPS + 1):
        tell(
            Progress(
                run=run.name,
                step=step,
                total_steps=STEPS,
                epoch=step / STEPS,
                loss=1 / step,
                learning_rate=1e-3,
                tokens_per_second=100,
                eta_seconds=STEPS - step,
            )
        )
        if step == 1 and "die" in what:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == 1 and "orphan" in what:  # its child keeps the pipes open
            subprocess.Popen(["sleep", "60"])
            os.kill(os.getpid(), signal.SIGKILL)
        if step == 1 and ("hang" in what or "stubborn" in what):
            time.sleep(60)
        if "slow" in what:
            time.sleep(0.3)
    if "fail" in what:
        tell(RunFailed(run=run.name, message="Out of memory: halve micro_batch_size."))
        sys.exit(1)
    tell(RunFinished(run=run.name, seconds=1.5, eval_loss_before=2.0, eval_loss_after=0.5, model=None))


main()
