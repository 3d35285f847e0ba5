"""`lintune/events` and `lintune/currentRun`: a run as it happens, or as it was, for whoever shows it.

`lintune/runChanged` `{run}` tells that a run which was asked about has more events, that its trainer died, or that its
directory is gone: at most four times a second. run: as it was called when it was asked about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import requests

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.session import Session

EVENTS = "lintune/events"
CURRENT_RUN = "lintune/currentRun"


def register(server: LintuneServer) -> None:
    requests.register(server, EVENTS, events)
    requests.register(server, CURRENT_RUN, current_run)


async def events(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{run, after?}` → `{lines, after, next, more, state, resumable, recipe}`.

    run: path of a run directory beside a recipe of the workspace. after: a byte of its `events.jsonl`, 0 at first, then
    the `next` that came with the last answer. lines: what stands behind it, whole lines, each a JSON object as in
    `run-event.schema.json`. The `after` that comes back is another one when the file was written anew: what was read
    before does not count then. more: ask again at once. state: running, finished, failed, cancelled, paused, dead (its
    process was killed), or gone (the directory was deleted). resumable: whether `lintune.resume` goes on with it.
    recipe: URI; null when the run ended before it said.
    """
    run, after = requests.text(params, "run"), params.get("after") or 0
    if not run or not isinstance(after, int):
        raise LintuneError("run is to be the path of a run directory, and after a number of bytes.")
    return await session.run_records.events(run, after)


async def current_run(session: Session, _: dict[str, Any]) -> dict[str, Any]:
    """`{}` → `{run, training}`: path of the run that goes on, else of the newest; null where there is none (yet).

    training: whether one goes on, which may be about to begin its run.
    """
    run, training = await session.run_records.current()
    return {"run": str(run) if run else None, "training": training}
