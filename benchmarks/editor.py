"""What the extension costs in a real VS Code, beside the same window with the extension switched off: its activation,
the first squiggle, and the longest task of the window while 10,000 findings are scrolled and typed into.

python -m benchmarks.editor      # from the top of the repository; needs what `make test` sets up
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright
from tests.e2e.code_server import copy_example, package_extension, serve
from tests.e2e.conftest import _BROWSER_FLAGS
from tests.e2e.test_many_findings import FINDINGS, many_findings
from tests.e2e.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

from contextlib import contextmanager

_KEYS = 40
_TURNS = 40


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


def activation(seen: Window) -> str:
    """As VS Code itself says."""
    seen.run_command("Developer: Show Running Extensions")
    row = seen.page.locator(".runtime-extensions-editor .extension", has_text="Lintune")
    expect(row).to_contain_text("ms")
    found = re.search(r"\d+ms", row.inner_text())
    return found[0] if found else "?"


def measure(folder: Path, extension: Path, *, ours: bool) -> dict[str, object]:
    found: dict[str, object] = {}
    with window(folder, extension) as seen:
        begin = time.perf_counter()
        seen.look_for("broken.jsonl")
        if ours:
            expect(seen.squiggles.first).to_be_visible()
            found["open to squiggle, cold (s)"] = round(time.perf_counter() - begin, 2)
        seen.open_file("many.jsonl")
        if ours:
            expect(seen.squiggles.first).to_be_visible()
        seen.page.wait_for_timeout(3_000)
        for name, work in (("scrolling", scroll), ("typing", type_text)):
            tasks = longest_tasks(seen, lambda work=work: work(seen))
            found[f"longest task, {name} (ms)"] = round(tasks[0], 1)
            found[f"tasks over 100 ms, {name}"] = sum(one > 100 for one in tasks)
        if ours:
            begin = time.perf_counter()
            seen.open_file("broken.jsonl")
            expect(seen.squiggles.first).to_be_visible()
            found["open to squiggle, warm (s)"] = round(time.perf_counter() - begin, 2)
            found["activation"] = activation(seen)
    return found


def main() -> None:
    extension = package_extension()
    with tempfile.TemporaryDirectory(prefix="lintune-benchmark-") as temporary:
        empty = Path(temporary) / "empty.vsix"
        _without_code(extension, empty)
        results = []
        for ours, package in ((True, extension), (False, empty)):
            folder = copy_example(Path(temporary) / f"ours-{ours}" / "smart-home")
            many_findings(folder / "many.jsonl")
            results.append(measure(folder, package, ours=ours))
    print(f"{FINDINGS:,} findings in a data set; package {extension.stat().st_size / 1e6:.2f} MB")
    for name in results[0]:
        print(f"{name:32} {results[0][name]!s:>10}   without the extension {results[1].get(name, '-')!s:>8}")


def _without_code(extension: Path, to: Path) -> None:
    """The same package, of which nothing ever runs."""
    import zipfile

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
    main()
