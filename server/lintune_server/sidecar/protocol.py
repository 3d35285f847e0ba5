"""What the sidecar's process and its supervisor agree on, beside HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class Adapted:
    """A model that is another one with a LoRA adapter on it, both of which are in memory once."""

    base: str
    """The id of a model that is a GGUF file."""
    adapter: Path
    """The adapter as a GGUF file: `adapter.gguf` of a run or of a checkpoint."""


Source = Path | Adapted
"""What a model id stands for: a GGUF file, or an adapter on one."""
