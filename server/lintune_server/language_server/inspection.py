"""What the files of a recipe are before a training: looked at again while they change, but not for ever."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from lintune_server.analyst.client import AnalystGone
from lintune_server.training import preflight

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.language_server.session import Session
    from lintune_server.training.preflight import Preflight

log = logging.getLogger(__name__)

_MOST_LOOKS, _REST = 5, 0.2
"""At files that change while they are looked at, and the seconds between two looks."""


async def inspect(session: Session, recipe: Path, *, by_hand: bool = False) -> Preflight:
    """What is on disk now. by_hand: a person asked for the training, as `preflight` has it."""
    files = [recipe, *session.workspace.data_of(recipe)]
    for _ in range(_MOST_LOOKS):
        state = await asyncio.to_thread(preflight.state_of, files)
        flight = await _look_at(session, recipe, files, by_hand)
        if await asyncio.to_thread(preflight.state_of, files) == state:
            break
        await asyncio.sleep(_REST)
    return flight


async def _look_at(session: Session, recipe: Path, files: list[Path], by_hand: bool) -> Preflight:
    if await asyncio.to_thread(preflight.is_large, files):
        try:
            return await session.analyst.preflight(recipe, by_hand=by_hand)
        except AnalystGone:
            log.warning("the analyst is gone: the files are looked at here")
    return await asyncio.to_thread(preflight.inspect, recipe, by_hand=by_hand)
