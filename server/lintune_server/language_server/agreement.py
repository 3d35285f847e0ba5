"""What an extension and the server must agree on beyond LSP itself: which protocol of ours each of them speaks."""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)

PROTOCOL = 1
"""Raised when a request or notification of ours changes its meaning. In `editor-extension/src/protocol.ts`, too."""


def offer(version: str) -> dict[str, Any]:
    """What `initialize` says under `capabilities.experimental`. version: of the package."""
    return {"lintune": {"protocol": PROTOCOL, "version": version}}


def note(theirs: object) -> None:
    """A client that has our protocol said which (its initialization option `protocol`); others say nothing."""
    if theirs is not None and theirs != PROTOCOL:
        log.warning("the client speaks protocol %s of lintune, and this server %d", theirs, PROTOCOL)
