"""A window of the real editor on a copy of the example workspace, and what it leaves behind."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from .code_server import REPOSITORY, copy_example, package_extension, serve
from .errors import errors_in_logs, logs, said_in
from .window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

_BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def extension() -> Path:
    """The extension's package, built anew."""
    return package_extension()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """An empty folder that outlives the tests."""
    folder = REPOSITORY / "build" / "e2e"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A copy of the example."""
    return copy_example(tmp_path / "smart-home")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """VS Code's own files, its logs among them."""
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def open_window(
    workspace: Path, state: Path, extension: Path, screenshots: Path, request: pytest.FixtureRequest
) -> Callable[..., AbstractContextManager[Window]]:
    """Opens the workspace in VS Code in the browser; its parameters are those of `serve`.

    provoked: words of an error that the test brings about.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("Chromium is missing. Run tests/e2e/install-debian-packages.sh first.")

    @contextmanager
    def opened(
        settings: Mapping[str, object],
        *,
        trusted: bool = True,
        environment: Mapping[str, str] | None = None,
        provoked: str = "",
    ) -> Iterator[Window]:
        settings = {"workbench.colorTheme": "Default Light Modern", **settings}
        with (
            serve(workspace, state, extension, settings, trusted=trusted, environment=environment) as url,
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=chromium, args=_BROWSER_FLAGS) as browser,
        ):
            page = browser.new_page(viewport={"width": 1360, "height": 850}, device_scale_factor=1.5)
            window = Window(page, screenshots, state / "data" / "Machine" / "settings.json")
            said = said_in(page)
            try:
                window.load(url)
                yield window
                found = [*errors_in_logs(state), *said]
                assert [error for error in found if not provoked or provoked not in error] == []
            except BaseException:
                window.picture(f"failed-{request.node.name}")
                raise
            finally:
                for log in logs(state):
                    shutil.copy(log, screenshots / f"{request.node.name}-{log.name}")

    return opened
