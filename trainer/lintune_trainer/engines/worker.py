"""`python -m lintune_trainer.engines.worker FOLDER`, under `accelerate launch`: one of several processes that train.

The first prints events, one JSON object a line, as the trainer itself does; what goes wrong in any of them it prints as
`run_failed`. Exit codes: 0 trained or paused, 1 failed, 130 stopped.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from pathlib import Path

from lintune_schemas import events
from lintune_schemas.processor import processor
from lintune_trainer import failures, process
from lintune_trainer.process import Cancelled, Paused, Streams
from lintune_trainer.run import LOG, Run


def main(folder: Path) -> int:
    """Carry out this process's part of the job in `folder`."""
    streams = Streams()
    run_folder = folder.parent
    streams.log_to(run_folder / LOG)
    process.stop_on_signals()
    rank = int(os.environ["RANK"])
    run = Run(run_folder, streams.print if rank == 0 else _silent, record=False)
    try:
        _train(folder, run)
    except Paused:
        return 0
    except Cancelled:
        return 130
    except Exception as error:
        process.ignore_signals()
        traceback.print_exc()
        failed = events.RunFailed(
            run=run.name, message=failures.explain(error, run_folder / LOG), samples=failures.places(error)
        )
        streams.print(events.encode(failed))
        return 1
    return 0


def _train(folder: Path, run: Run) -> None:
    import torch

    from lintune_trainer import training
    from lintune_trainer.engines import handover

    local_rank, processes = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    job = handover.read(folder, lambda _: run, local_rank)
    if job.device.kind == "cpu":
        torch.set_num_threads(max(processor().cores // processes, 1))
    else:
        torch.cuda.set_device(local_rank)
    threading.Thread(target=_wait_for_pause, args=(folder,), daemon=True).start()
    training.fine_tune(job)


def _wait_for_pause(folder: Path) -> None:
    from lintune_trainer.engines import handover

    while not handover.asked_to_pause(folder):
        time.sleep(0.2)
    process.pause()


def _silent(_line: bytes) -> None:
    """What the other processes have to report is the same."""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
