"""The runs of the workspace's recipes: `lintune/runs`, `lintune/runPage`, and the commands `lintune.exportRun`,
`.verifyRun`, `.compareRuns` and `.deleteRuns`. Any client can call them.

While a client shows runs, the server tells it by `lintune/runsChanged {"recipe": URI}` that they are not what they
were. A run is named by the path of its directory.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import convert, requests, run_figures, run_page
from lintune_server.language_server.connection import LintuneServer  # noqa: TC001 (pygls reads annotations)
from lintune_server.language_server.run_actions import QUANTIZATIONS
from lintune_server.training import run_list

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lintune_server.language_server.session import Session

_T = TypeVar("_T")

RUNS = "lintune/runs"
PAGE = "lintune/runPage"
EXPORT = "lintune.exportRun"
VERIFY = "lintune.verifyRun"
COMPARE = "lintune.compareRuns"
DELETE = "lintune.deleteRuns"


def register(server: LintuneServer) -> None:
    requests.register(server, RUNS, runs)
    requests.register(server, PAGE, page)
    server.command(EXPORT)(export)
    server.command(VERIFY)(verify)
    server.command(COMPARE)(compare)
    server.command(DELETE)(delete)


async def runs(session: Session, _: dict[str, Any]) -> dict[str, Any]:
    """All recipes of the workspace, each with its runs, newest first.

    `{"recipes": [{"uri", "name", "folder", "exists", "runs": […]}], "quantizations": […]}`; a run's figures are those
    of `run_figures`, and its `line` says in words what matters.
    """
    session.run_news.wanted()
    await session.workspace.settled()
    folders: dict[Path, list[Path]] = {}
    for recipe in session.workspace.recipes:
        folders.setdefault(recipe.parent, []).append(recipe)
    busy = dict(session.run_actions.busy)

    def look() -> list[Any]:
        return [
            recipe
            for folder, recipes in folders.items()
            for recipe in run_figures.of_folder(folder, recipes, session.run_list.of(folder), busy)
        ]

    return {"recipes": await asyncio.to_thread(look), "quantizations": list(QUANTIZATIONS)}


async def page(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{"run": path}` → `{"markdown"}`: what is to be known of a run; empty when it is not there any more."""
    run = Path(requests.text(params, "run") or "")
    known = [recipe.parent for recipe in session.workspace.recipes]

    def write() -> str:
        try:
            run_list.require_known(run, known)
        except LintuneError:
            return ""
        return run_page.page(session.run_list.one(run))

    return {"markdown": await asyncio.to_thread(write)}


async def export(ls: LintuneServer, run: str, quantizations: list[str]) -> bool:
    """Write GGUF files of a run, as `["q4_k_m", "q8_0"]`, and prove them. Whether all is well."""
    return await _said(ls, lambda: ls.session.run_actions.export(Path(run), quantizations)) is True


async def verify(ls: LintuneServer, run: str) -> bool:
    """Prove the GGUF files of a run again. Whether they equal the trained model."""
    return await _said(ls, lambda: ls.session.run_actions.verify(Path(run))) is True


async def compare(ls: LintuneServer, a: str, b: str, *options: Any) -> str | None:
    """Open a page that says what two runs differ in, the older one first. Its URI; None when there is none.

    options: `{"show": false}` for a client that opens the page itself.
    """
    from lintune_server.language_server import run_comparison  # the server starts sooner without it

    known = [recipe.parent for recipe in ls.session.workspace.recipes]
    written = await _said(ls, lambda: asyncio.to_thread(run_comparison.write, Path(a), Path(b), known))
    if written is None:
        return None
    shows = not any(isinstance(option, dict) and option.get("show") is False for option in options)
    window = ls.client_capabilities.window
    if shows and window and window.show_document and window.show_document.support:
        await ls.window_show_document_async(types.ShowDocumentParams(convert.uri_of(written), take_focus=True))
    elif shows:
        ls.session.messages.info(f"The comparison is in {written}")
    return convert.uri_of(written)


async def delete(ls: LintuneServer, runs: list[str]) -> list[str]:
    """Delete runs with all their files. Nobody is asked here: the client does that. Those that are gone then."""
    deleted, problems = await ls.session.run_actions.delete([Path(run) for run in runs])
    if problems:
        ls.session.messages.error(" ".join(problems))
    return [str(run) for run in deleted]


async def _said(ls: LintuneServer, work: Callable[[], Awaitable[_T]]) -> _T | None:
    """What comes of it; None when it cannot be done, of which the user is told."""
    try:
        return await work()
    except LintuneError as error:
        ls.session.messages.error(str(error))
        return None
