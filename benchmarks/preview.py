"""How soon a hover shows what a training has come to: a real server, a real training of the example, the real model.

python -m benchmarks.preview [--steps 40] [--every 8]

The example smart-home is trained by its own recipe, without evaluations and export, with a checkpoint every few steps.
What is measured, through the language server's pipes, while the training goes on:

- from the last training step of a checkpoint (the time of its `progress` event) to the moment when a hover has been
  read that shows the answer of that checkpoint. In between are the adapter's writing, by PEFT and as GGUF, its loading
  into the sidecar that runs, the prompt and the answer, beside the rest of the checkpoint and the training. The hover
  is asked for from the `adapter` event on, again and again until it has the answer, as by a person who is curious. The
  first checkpoint is apart.
- the same hover again, which is answered from what was kept; and once more by a new server, from the disk.
- from `$/cancelRequest` of a hover whose answer is long to the moment when the sidecar last used the processor, as the
  system accounts for it every 10 ms.

Exits with 1 when a limit is broken. The last line is the figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from benchmarks.lsp import Table, percentile
from benchmarks.lsp_client import PATIENCE, Client, ServerError

from lintune_schemas import runs
from lintune_schemas.events import AdapterSaved, Progress, RunFailed, RunFinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lintune_schemas.events import Event

EXAMPLE = Path(__file__).parents[1] / "examples" / "smart-home"
ANSWERED_S, ANSWERED_AIM_S = 1.5, 1.0
CACHED_S = 0.030
ABORT_S = 0.200
HOVERS, ABORTS = 50, 5
LOOK_S = 0.005
QUIET_S = 0.3
"""Without any use of the processor: then it was idle since the last one. A server waits longer before it asks ahead."""
TICK = 1 / os.sysconf("SC_CLK_TCK")
LONG = '{"messages": [{"role": "user", "content": "Tell me the story of %d towns, each at great length."}, \
{"role": "assistant", "content": "Once"}]}\n'


def workspace(folder: Path, steps: int, every: int) -> Path:
    """A copy of the example with checkpoints, and some samples behind the others whose answers are long."""
    copy = folder / "smart-home"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns(".lintune"))
    recipe = (copy / "recipe.yaml").read_text(encoding="utf-8")
    for key, value in (("num_epochs", None), ("evals_per_epoch", None), ("saves_per_epoch", None)):
        recipe, found = re.subn(rf"(?m)^{key}: .*\n", value or "", recipe)
        assert found == 1, key
    recipe = recipe.replace("save_total_limit: 1", f"max_steps: {steps}\nsave_steps: {every}\nsave_total_limit: 2")
    recipe = recipe.replace("{gguf: [q4_k_m]}", "{gguf: []}").replace("max_tokens: 32", "max_tokens: 128")
    (copy / "recipe.yaml").write_text(recipe, encoding="utf-8")
    with (copy / "data" / "eval.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(LONG % number for number in range(ABORTS))
    return copy


class Record:
    """The events of the only run of a workspace, as they are written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.events: list[Event] = []

    def wait(self, wanted: Callable[[Event], bool]) -> Event:
        """The next event that is as wanted. Raises ServerError when the run ends without."""
        seen = len(self.events)
        deadline = time.monotonic() + 10 * PATIENCE
        while time.monotonic() < deadline:
            run = next(runs.run_directories(self._folder), None)
            self.events = runs.read_events(run) if run else []
            for event in self.events[seen:]:
                seen += 1
                if wanted(event):
                    self.events = self.events[:seen]
                    return event
                if isinstance(event, RunFailed | RunFinished):
                    raise ServerError(f"the run has ended: {event}")
            time.sleep(LOOK_S)
        raise ServerError("the run does not go on")

    def step(self, number: int) -> float:
        """When a step was made, in seconds since 1970."""
        made = next(one for one in self.events if isinstance(one, Progress) and one.step == number)
        return datetime.fromisoformat(made.time).timestamp()


def hover(client: Client, path: Path, line: int) -> tuple[float, str]:
    """Seconds, and the text."""
    answer = client.ask("textDocument/hover", at(path, line))
    return answer.seconds, answer.result["contents"]["value"] if answer.result else ""


def at(path: Path, line: int) -> dict[str, Any]:
    return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": 3}}


def answered(text: str, step: int) -> bool:
    return re.search(rf"\*\*Tuned so far\*\* · step {step}, [^\n]* tokens/s", text) is not None


def fresh(client: Client, record: Record, path: Path) -> tuple[float, float]:
    """Seconds from the last step of the next checkpoint, and from its event, to the hover that has its answer."""
    saved = record.wait(lambda event: isinstance(event, AdapterSaved))
    assert isinstance(saved, AdapterSaved)
    while True:
        _, text = hover(client, path, 0)
        if answered(text, saved.step):
            now = time.time()
            return now - record.step(saved.step), now - datetime.fromisoformat(saved.time).timestamp()


def sidecar(client: Client) -> psutil.Process:
    children = psutil.Process(client.process.pid).children()
    return next(child for child in children if any("sidecar.worker" in word for word in child.cmdline()))


def used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def until_idle(process: psutil.Process, since: float) -> float:
    """Seconds from a time of `time.perf_counter` to the last use of the processor."""
    last, before = since, used(process)
    while (now := time.perf_counter()) - last < QUIET_S:
        if (value := used(process)) - before > TICK / 2:
            last, before = now, value
        time.sleep(LOOK_S)
    return last - since


def aborts(client: Client, path: Path, lines: range) -> Iterator[float]:
    process = sidecar(client)
    for line in lines:
        number, _ = client.begin("textDocument/hover", at(path, line))
        before = used(process)
        while used(process) - before < 0.1:  # the answer is being computed
            time.sleep(LOOK_S)
        yield until_idle(process, client.cancel(number))


def measure(folder: Path, steps: int, every: int) -> Table:
    copy = workspace(folder, steps, every)
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    table = Table()
    data = copy / "data" / "eval.jsonl"
    text = data.read_text(encoding="utf-8")
    client = Client(copy, environment)
    client.open(data, text)
    hover(client, data, 0)
    client.ask("workspace/executeCommand", {"command": "lintune.train", "arguments": []})
    record = Record(copy)
    count = steps // every - 1  # the last one comes when the training is about to end
    times = [fresh(client, record, data) for _ in range(count)]
    cached = [hover(client, data, 0)[0] for _ in range(HOVERS)]
    first_long = text.count("\n") - ABORTS
    aborted = list(aborts(client, data, range(first_long, first_long + ABORTS)))
    going_on = not any(isinstance(event, RunFinished) for event in runs.read_events(next(runs.run_directories(copy))))
    record.wait(lambda event: isinstance(event, RunFinished))
    while not re.search(
        r"\*\*Tuned model\*\* · .* tokens/s(.|\n)*\*\*Base model\*\* · .* tokens/s", hover(client, data, 1)[1]
    ):
        time.sleep(LOOK_S)
    client.leave()

    whole = [one for one, _ in times[1:]]
    table.row("first checkpoint: its last step → its answer in a hover", "first_s", times[0][0], "s")
    table.row(
        "another checkpoint: its last step → its answer, median", "fresh_s", statistics.median(whole), "s", ANSWERED_S
    )
    table.row("  the slowest", "fresh_worst_s", max(whole), "s", ANSWERED_S)
    since = statistics.median(one for _, one in times[1:])
    table.row("  from its event, when the adapter is on disk, median", "loaded_s", since, "s")
    table.row(f"the hover again, p95 of {HOVERS}", "cached_s", percentile(cached, 0.95), "ms", CACHED_S)
    table.row(
        f"a hover is cancelled → the sidecar is idle, slowest of {ABORTS}", "abort_s", max(aborted), "ms", ABORT_S
    )
    print(f"All of it while the training went on: {'yes' if going_on else 'NO'}")
    if not going_on:
        table.broken.append("the training was over too soon: give it more --steps")

    client = Client(copy, environment)
    client.open(data, text)
    while "model**" not in hover(client, data, 1)[1]:  # until the tokenizer is there
        time.sleep(LOOK_S)
    seconds, text = hover(client, data, 1)
    table.row("a new server: a hover of what was answered before", "kept_s", seconds, "ms")
    if any("sidecar.worker" in " ".join(child.cmdline()) for child in psutil.Process(client.process.pid).children()):
        table.broken.append("the new server loaded a model")
    client.leave()
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--every", type=int, default=8)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lintune-preview-") as name:
        table = measure(Path(name).resolve(), args.steps, args.every)
    for broken in table.broken:
        print(f"BROKEN: {broken}", file=sys.stderr)
    print(json.dumps(table.figures))
    return 1 if table.broken else 0


if __name__ == "__main__":
    sys.exit(main())
