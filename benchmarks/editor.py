"""What the extension costs in a real VS Code, beside the same window with the extension switched off.

python -m benchmarks.editor      # from the top of the repository; needs what `make test` sets up

- From choosing a file to its first squiggle, when nothing of the extension runs yet: in a window that has come to rest,
  and in one that opens at that moment, whose own start is most of it. Both once more for a JSON file, which VS Code's
  own language server checks, in a window without the extension.
- The same when everything runs, the time that the extension takes to activate, and the longest task of the window while
  10,000 findings are scrolled and typed into.

Exits with 1 when a limit is broken. The last line is the figures as JSON.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.lsp import Table
from playwright.sync_api import expect, sync_playwright
from tests.e2e.code_server import copy_example, package_extension, serve
from tests.e2e.conftest import _BROWSER_FLAGS
from tests.e2e.test_many_findings import FINDINGS, many_findings
from tests.e2e.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = 40
_TURNS = 40
_REST_MS = 10_000
"""After that, VS Code has started all that it starts by itself."""
_COLD_S, _ACTIVATION_S, _TASK_S = 3.0, 0.3, 0.1
"""Limits. While the window opens, VS Code's own start counts, too: there is none for that."""


@contextmanager
def window(folder: Path, extension: Path) -> Iterator[Window]:
    settings = {"lintune.pythonPath": sys.executable}
    state = folder.parent / f"state-{time.monotonic_ns()}"
    state.mkdir()
    chromium = shutil.which("chromium")
    with (
        serve(folder, state, extension, settings) as url,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=_BROWSER_FLAGS) as browser,
    ):
        page = browser.new_page(viewport={"width": 1360, "height": 850})
        seen = Window(page, folder.parent, state / "data" / "Machine" / "settings.json")
        seen.load(url)
        yield seen


def longest_tasks(seen: Window, work: Any) -> list[float]:
    """Milliseconds of the tasks of the window's main thread while something is done in it, the longest first."""
    client = seen.page.context.new_cdp_session(seen.page)
    events: list[dict[str, Any]] = []
    client.on("Tracing.dataCollected", lambda params: events.extend(params["value"]))
    done: list[bool] = []
    client.on("Tracing.tracingComplete", lambda _: done.append(True))
    categories = "disabled-by-default-devtools.timeline,devtools.timeline,toplevel,__metadata"
    client.send("Tracing.start", {"categories": categories, "transferMode": "ReportEvents"})
    work()
    client.send("Tracing.end")
    while not done:
        seen.page.wait_for_timeout(50)
    mains = {(one["pid"], one["tid"]) for one in events if one.get("args", {}).get("name") == "CrRendererMain"}
    tasks = [one for one in events if one["name"].endswith("RunTask") and (one["pid"], one["tid"]) in mains]
    return sorted((one.get("tdur", one.get("dur", 0)) / 1e3 for one in tasks), reverse=True)


def scroll(seen: Window) -> None:
    seen.page.mouse.move(700, 400)
    for _ in range(_TURNS):
        seen.page.mouse.wheel(0, 900)
        seen.page.wait_for_timeout(50)


def type_text(seen: Window) -> None:
    seen.page.keyboard.press("Control+Home")
    for _ in range(_KEYS):
        seen.page.keyboard.type("a")
        seen.page.wait_for_timeout(60)


def activation(seen: Window) -> float:
    """Seconds, as VS Code itself says."""
    seen.run_command("Developer: Show Running Extensions")
    row = seen.page.locator(".runtime-extensions-editor .extension", has_text="Lintune")
    expect(row).to_contain_text("ms")
    found = re.search(r"(\d+)ms", row.inner_text())
    assert found
    return int(found[1]) / 1e3


def cold(workspace: Path, extension: Path, file: Path, *, rest: bool) -> float:
    """Seconds from choosing a file to its first squiggle, in a window that has just shown itself, or has come to rest.

    workspace: where the window opens. When that is not the file's, nothing runs in it before.
    """
    with window(workspace, extension) as seen:
        if rest:
            seen.page.wait_for_timeout(_REST_MS)
        begin = time.perf_counter()
        seen.look_for(str(file))
        expect(seen.squiggles.first).to_be_visible()
        return time.perf_counter() - begin


def measure(table: Table, folder: Path, extension: Path, *, ours: bool) -> None:
    """A row of each figure. ours: otherwise of VS Code alone, which has nothing to say of data sets."""
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    files = {"example": "broken.jsonl", "many": "many.jsonl"} if ours else {"json": "broken.json"}
    limit = _COLD_S if ours else None
    for key, name in files.items():
        seconds = cold(elsewhere, extension, folder / name, rest=True)
        table.row(f"{name} is chosen → first squiggle, cold", f"{key}_cold_s", seconds, "s", limit)
        seconds = cold(folder, extension, folder / name, rest=False)
        table.row("  the same while the window opens", f"{key}_opening_s", seconds, "s")
    side = "ours" if ours else "without"
    with window(folder, extension) as seen:
        seen.look_for("many.jsonl")
        if ours:
            expect(seen.squiggles.first).to_be_visible()
        seen.page.wait_for_timeout(3_000)
        for name, work in (("scrolling", scroll), ("typing", type_text)):
            longest = longest_tasks(seen, lambda work=work: work(seen))[0] / 1e3
            limit = _TASK_S if ours else None
            table.row(f"longest task of the window, {name}", f"{name}_{side}_s", longest, "ms", limit)
        if ours:
            begin = time.perf_counter()
            seen.open_file("broken.jsonl")
            expect(seen.squiggles.first).to_be_visible()
            table.row("broken.jsonl is chosen → first squiggle, warm", "warm_s", time.perf_counter() - begin, "s")
            table.row("activation", "activation_s", activation(seen), "ms", _ACTIVATION_S)


def main() -> int:
    extension = package_extension()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="lintune-benchmark-") as temporary:
        empty = Path(temporary) / "empty.vsix"
        _without_code(extension, empty)
        for ours, package in ((True, extension), (False, empty)):
            folder = copy_example(Path(temporary) / f"ours-{ours}" / "smart-home")
            (folder / "broken.json").write_text('{"key": }\n', encoding="utf-8")
            many_findings(folder / "many.jsonl")
            print("With the extension" if ours else "VS Code alone, with its own server for JSON")
            measure(table, folder, package, ours=ours)
    print(f"{FINDINGS:,} findings in many.jsonl; package {extension.stat().st_size / 1e6:.2f} MB")
    for broken in table.broken:
        print(f"BROKEN: {broken}", file=sys.stderr)
    print(json.dumps(table.figures))
    return 1 if table.broken else 0


def _without_code(extension: Path, to: Path) -> None:
    """The same package, of which nothing ever runs."""
    with zipfile.ZipFile(extension) as source, zipfile.ZipFile(to, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename == "extension/package.json":
                manifest = json.loads(data)
                data = json.dumps({**manifest, "activationEvents": [], "contributes": {}}).encode()
            elif entry.filename == "extension/out/extension.js":
                data = b"exports.activate = () => undefined;"
            target.writestr(entry, data)


if __name__ == "__main__":
    sys.exit(main())
