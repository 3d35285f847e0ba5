"""How quickly the language server answers: a real server process, real JSON-RPC over its pipes.

python -m benchmarks.lsp [--data ../shared/data/gsm8k-train.jsonl] [--edits 200] [--quick]

The data set is that of benchmarks/lint.py (gsm8k as chat, seven times varied: 52,311 samples, 32 MB), its first 5,000
and its first 500 samples, with a recipe whose tokenizer is known. In each, line 3 is broken, and the last line is a
copy of another: what finds that has seen the whole file. What is measured:

- a keystroke: a character is inserted into, or deleted from, a line somewhere in the file, so that its JSON or a role
  breaks, and then is mended. From the moment before `didChange` is written to the moment when `publishDiagnostics` of
  that version, with the effect on that line, has been read. Between two keystrokes passes a tenth of a second, as with
  a fast typist: what a keystroke leaves to be done afterwards counts, too, where it delays the next.
- the same keystroke in pygls's own document, in this process: applying the change, and getting the lines.
- hover, inlay hints of 60 lines and completion, one after the other, again and again, from right after `didOpen` until
  the whole file has been seen. An answer without content counts as none.
- some keystrokes from the first diagnostics of the largest file on, while the rest of it is still being read.
- the diagnostics of line 3 after `didOpen`; the same of ten lines, from the start of the process (the fastest of some,
  as on a busy machine the others measure the machine).
- resident memory of the server and its children when all that is done, what they share counted once.

Exits with 1 when a limit is broken. The last line is the figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from benchmarks.lint import memory, samples, write
from benchmarks.lsp_client import PATIENCE, Client, ServerError
from lsprotocol import types
from pygls.workspace import TextDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.lsp_client import Answer, Diagnostics

SMALL, MIDDLE = 500, 5_000
COPIES = 7
BROKEN, COPIED = 2, 9
"""0-based: the line that does not parse, and the one that stands at the end of the file once more."""
VISIBLE = 60
"""Lines of a tall window."""
PAUSE = 0.1
"""Seconds from one keystroke to the next: ten a second, faster than people type for long."""
BREATH = 0.02
"""Seconds between two rounds of requests: some 30 of each a second, and the server has time for the file, too."""
STARTS, EARLY_EDITS = 10, 20

KEYSTROKE_S = 0.015
KEYSTROKE_RATIO = 1.5
REQUEST_S = 0.050
VISIBLE_S = 1.0
START_S = 0.6
ANSWERED = 0.9
MEMORY_BASE, MEMORY_PER_BYTE = 150e6, 8.0

HEAVY = re.compile(r"libtorch|libllama|libggml|/(torch|transformers|llama_cpp|bitsandbytes)/")
ROLE = '{"messages": [{"role": "'
"""How each line begins; a user's turn follows."""


@dataclass
class Table:
    """Rows of what was measured beside its limit."""

    figures: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def row(self, what: str, key: str, value: float, unit: str, limit: float | None = None) -> None:
        """unit: ms (the value is in seconds), s, MB (in bytes), x, or % (a share)."""
        shown = {"ms": 1000 * value, "MB": value / 1e6, "%": 100 * value}.get(unit, value)
        self.figures[key] = round(value, 5)
        words = ""
        if limit is not None:
            bound = {"ms": 1000 * limit, "MB": limit / 1e6, "%": 100 * limit}.get(unit, limit)
            good = value >= limit if unit == "%" else value <= limit
            words = f"limit {bound:,.4g} {unit}"
            if not good:
                words += "   BROKEN"
                self.broken.append(what)
        print(f"{what:<66} {shown:10,.2f} {unit:<3} {words}".rstrip(), flush=True)


@dataclass(frozen=True)
class DataSet:
    path: Path
    lines: list[str]

    @property
    def text(self) -> str:
        return "".join(self.lines)

    @property
    def last(self) -> int:
        return len(self.lines) - 1


def data_sets(folder: Path, data: Path, sizes: list[int | None]) -> Iterator[DataSet]:
    """The first so many samples, all without a number, each in a folder with a recipe."""
    copies = COPIES if None in sizes else 1
    whole = write(folder, samples(data), copies)
    lines = whole.read_text(encoding="utf-8").splitlines(keepends=True)
    for size in sizes:
        own = folder / f"{size or len(lines)}-samples"
        own.mkdir()
        shutil.copy(folder / "recipe.yaml", own)
        chosen = lines[:size]
        chosen[BROKEN] = chosen[BROKEN].rstrip()[:-1] + "\n"
        chosen[-1] = chosen[COPIED]
        path = own / "train.jsonl"
        path.write_text("".join(chosen), encoding="utf-8")
        yield DataSet(path, chosen)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


# Keystrokes


def keystrokes(lines: int, edits: int) -> Iterator[tuple[int, tuple[int, int], str, bool]]:
    """Line, columns, their new text, and whether the line is then broken. The lines are of all parts of the file."""
    chance = random.Random(11)
    for number in range(0, edits, 2):
        line = chance.choice([index for index in (chance.randrange(lines - 1) for _ in range(9)) if index > COPIED])
        if number % 4:
            yield line, (1, 1), "x", True  # {x"messages": …
            yield line, (1, 2), "", False
        else:
            role = len(ROLE)
            yield line, (role, role + 1), "", True  # "role": "ser"
            yield line, (role, role), "u", False


def type_in(client: Client, data: DataSet, edits: int, version: int = 1) -> list[float]:
    """Seconds from each keystroke to its effect."""
    taken = []
    for line, columns, new, breaks in keystrokes(len(data.lines), edits):
        time.sleep(PAUSE)
        version += 1
        sent = client.change(data.path, version, line, columns, new)
        effect = client.published(
            data.path,
            lambda found, version=version, line=line, breaks=breaks: (
                found.version == version and found.has(line, "JL001", "SF106") == breaks
            ),
        )
        taken.append(effect.at - sent)
    return taken


def type_in_pygls(data: DataSet, edits: int) -> list[float]:
    """Seconds that pygls's own document needs for each of the same keystrokes, and for its lines."""
    document = TextDocument(data.path.as_uri(), data.text, 1, "jsonl")
    taken = []
    for line, columns, new, _ in keystrokes(len(data.lines), edits):
        start, end = (types.Position(line, column) for column in columns)
        change = types.TextDocumentContentChangePartial(types.Range(start, end), new)
        begin = time.perf_counter()
        document.apply_change(change)
        assert document.lines[line]
        taken.append(time.perf_counter() - begin)
    return taken


# While a file is first read


@dataclass
class Requests:
    """How long requests of one kind took, of those whose answer had content."""

    seconds: list[float] = field(default_factory=list)
    empty: int = 0

    def add(self, answer: Answer) -> None:
        result = answer.result
        if isinstance(result, dict) and "items" in result:
            result = result["items"]
        if result:
            self.seconds.append(answer.seconds)
        else:
            self.empty += 1

    @property
    def answered(self) -> float:
        every = len(self.seconds) + self.empty
        return len(self.seconds) / every if every else 0.0


def requests(data: DataSet) -> dict[str, Callable[[random.Random], dict[str, Any]]]:
    """By method, what makes the parameters of a request about the visible lines."""
    document = {"uri": data.path.as_uri()}

    def at(chance: random.Random) -> dict[str, Any]:
        line = chance.choice([line for line in range(VISIBLE) if line != BROKEN])
        return {"textDocument": document, "position": {"line": line, "character": len(ROLE)}}

    def visible(_: random.Random) -> dict[str, Any]:
        end = {"line": VISIBLE, "character": 0}
        return {"textDocument": document, "range": {"start": {"line": 0, "character": 0}, "end": end}}

    return {"textDocument/hover": at, "textDocument/inlayHint": visible, "textDocument/completion": at}


def ask_until(client: Client, data: DataSet, seen_whole: Callable[[Diagnostics], bool]) -> dict[str, Requests]:
    """Ask in turn until the whole file has been seen. What the server does not offer has no answers."""
    chance = random.Random(5)
    makers = requests(data)
    found = {method: Requests() for method in makers}
    deadline = time.perf_counter() + 2 * PATIENCE
    while time.perf_counter() < deadline:
        for method, make in makers.items():
            try:
                found[method].add(client.ask(method, make(chance)))
            except ServerError:
                found[method].empty += 1
        time.sleep(BREATH)
        seen = [seen_whole(diagnostics) for diagnostics in client.news(data.path)]
        if any(seen):
            return found
    raise ServerError("the copy on the last line was never found")


# A server


def environment(folder: Path) -> dict[str, str]:
    """With a cache that is empty at first: no file was checked before."""
    kept = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled modules are kept, as wherever Lintune is installed
    return kept


def start_seconds(data: DataSet, surroundings: dict[str, str]) -> float:
    """From the start of the process to the diagnostics of a file that is opened at once."""
    begin = time.perf_counter()
    client = Client(data.path.parent, surroundings)
    client.open(data.path, data.text)
    seen = client.published(data.path, lambda found: found.has(BROKEN, "JL001"))
    client.leave()
    return seen.at - begin


def heavy_files(process: psutil.Process) -> list[str]:
    """Libraries of torch and the like in the memory of a process and its children."""
    family = [process, *process.children(recursive=True)]
    return sorted({region.path for one in family for region in one.memory_maps() if HEAVY.search(region.path)})


def measure(data: DataSet, surroundings: dict[str, str], edits: int, table: Table, *, largest: bool) -> float:
    """One server on one data set. Returns the 95th percentile of the keystrokes, in seconds."""
    name, size, text = len(data.lines), data.path.stat().st_size, data.text
    print(f"\n{name:,} samples, {size / 1e6:.1f} MB")
    client = Client(data.path.parent, surroundings)
    begin = client.open(data.path, text)
    visible: list[float] = []

    def seen_whole(found: Diagnostics) -> bool:
        if found.has(BROKEN, "JL001"):
            visible.append(found.at - begin)
        return found.has(data.last, "DU301")

    if largest:
        asked = ask_until(client, data, seen_whole)
    else:
        asked = {}
        client.published(data.path, seen_whole)
    whole = time.perf_counter() - begin
    if not visible:
        raise ServerError("line 3 had no diagnostics")
    table.row("diagnostics of line 3 after didOpen", f"visible_{name}_s", visible[0], "ms", VISIBLE_S)
    table.row("the whole file seen", f"whole_{name}_s", whole, "ms")
    for method, one in asked.items():
        show_requests(method.partition("/")[2], one, table)
    taken = type_in(client, data, edits)
    pygls = type_in_pygls(data, min(edits, 40))
    p95, limit = percentile(taken, 0.95), KEYSTROKE_S if largest else None
    table.row(f"keystroke to its diagnostics, p50 of {len(taken)}", f"key_{name}_p50_s", statistics.median(taken), "ms")
    table.row("keystroke to its diagnostics, p95", f"key_{name}_p95_s", p95, "ms", limit)
    table.row("keystroke to its diagnostics, slowest", f"key_{name}_max_s", max(taken), "ms")
    table.row("pygls's own document: the change, its lines, p50", f"pygls_{name}_p50_s", statistics.median(pygls), "ms")
    table.row("pygls's own document: the change, its lines, p95", f"pygls_{name}_p95_s", percentile(pygls, 0.95), "ms")
    time.sleep(2)  # what the last keystroke left to be done
    process = psutil.Process(client.process.pid)
    table.row("memory", f"memory_{name}_bytes", memory(process), "MB", MEMORY_BASE + MEMORY_PER_BYTE * size)
    if heavy := heavy_files(process):
        table.broken.append(f"heavy libraries in the process: {', '.join(heavy)}")
    client.leave()
    return p95


def type_early(data: DataSet, surroundings: dict[str, str], edits: int, table: Table) -> None:
    """Keystrokes from the first diagnostics on, long before the whole file has been seen; then until it has been."""
    client = Client(data.path.parent, surroundings)
    begin = client.open(data.path, data.text)
    client.published(data.path, lambda found: found.has(BROKEN, "JL001"))
    taken = type_in(client, data, edits)
    what = "keystroke while the file is first read, to its diagnostics"
    table.row(f"{what}, p50 of {len(taken)}", "key_early_p50_s", statistics.median(taken), "ms")
    table.row(f"{what}, p95", "key_early_p95_s", percentile(taken, 0.95), "ms")
    client.published(data.path, lambda found: found.has(data.last, "DU301"))
    table.row("the whole file seen, typing meanwhile", "whole_early_s", time.perf_counter() - begin, "ms")
    client.leave()


def show_requests(what: str, asked: Requests, table: Table) -> None:
    table.row(f"{what} meanwhile, share that had content", f"{what}_answered", asked.answered, "%", ANSWERED)
    if not asked.seconds:
        return
    table.row(
        f"{what} meanwhile, p50 of {len(asked.seconds):,}", f"{what}_p50_s", statistics.median(asked.seconds), "ms"
    )
    table.row(f"{what} meanwhile, p95", f"{what}_p95_s", percentile(asked.seconds, 0.95), "ms", REQUEST_S)
    table.row(f"{what} meanwhile, slowest", f"{what}_max_s", max(asked.seconds), "ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/gsm8k-train.jsonl"))
    parser.add_argument("--edits", type=int, default=200, help="keystrokes at each size")
    parser.add_argument("--quick", action="store_true", help=f"{SMALL} and {MIDDLE:,} samples only")
    args = parser.parse_args()
    table = Table()
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"Something else is running here: load {load:.1f} on {os.cpu_count()} cores. Times are of both.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = [10, SMALL, MIDDLE] if args.quick else [10, SMALL, MIDDLE, None]
        tiny, *others = data_sets(folder, args.data, sizes)
        surroundings = environment(folder)
        start_seconds(tiny, surroundings)  # compiled modules, and the demo model's tokenizer
        started = min(start_seconds(tiny, surroundings) for _ in range(STARTS))
        table.row(f"start to the diagnostics of 10 samples, fastest of {STARTS}", "start_s", started, "ms", START_S)
        p95 = [measure(data, surroundings, args.edits, table, largest=data is others[-1]) for data in others]
        shutil.rmtree(folder / "cache" / "lintune" / "lint", ignore_errors=True)  # what is known of the file
        type_early(others[-1], surroundings, EARLY_EDITS, table)
    print()
    what = f"keystroke p95, {len(others[-1].lines):,} samples to {SMALL}"
    table.row(what, "key_ratio", p95[-1] / p95[0], "x", KEYSTROKE_RATIO)
    for broken in table.broken:
        print(f"limit broken: {broken}")
    print(json.dumps(table.figures))
    sys.exit(1 if table.broken else 0)


if __name__ == "__main__":
    try:
        main()
    except ServerError as error:
        sys.exit(f"The server failed: {error}.")
