"""What the sidecar's process and its supervisor agree on, beside HTTP."""

from __future__ import annotations

import msgspec

TOKEN_VARIABLE = "LINTUNE_SIDECAR_TOKEN"  # noqa: S105 (the variable's name, not a token)
"""The environment variable with the bearer token. No argument: every user of the machine can read those."""


PROGRAM = "python -m lintune_server.sidecar.worker"

EXIT_REFUSED = 2
"""The exit code when it cannot start and says why: one sentence, the last line on standard error."""


class Ready(msgspec.Struct, frozen=True):
    """The one line of JSON that the process prints on standard output, when it takes requests."""

    port: int
    pid: int
