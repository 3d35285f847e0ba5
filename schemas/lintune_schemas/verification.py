"""`verify.json` of a run: how its exported files were compared with the trained model, and what came out. Its JSON
Schema is `json/verify.schema.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from lintune_schemas.events import Check  # noqa: TC001 (msgspec reads the annotation)

if TYPE_CHECKING:
    from pathlib import Path

FILE = "verify.json"
REJECTED = ".rejected"
"""Appended to the name of a file that failed, so that nothing serves it."""


class ProvenFile(msgspec.Struct, frozen=True):
    name: str
    """As it is called now: one that failed has `.rejected` behind its name."""
    ok: bool
    bytes: int


class Work(msgspec.Struct, frozen=True):
    """How much was compared: of large models no more than a CPU reads in minutes."""

    token_samples: int
    """Samples whose token ids were compared."""
    samples: int
    """Samples whose logits were compared."""
    tokens: int
    """In these, as far as they were read."""
    positions: int
    """The positions of these tokens whose logits were compared."""
    cut: int
    """How many of the samples were read to a part, to keep within the limits."""
    answers: int
    """Greedy answers that were compared."""
    ended: int
    """How many of them came to an end by themselves."""


class Verification(msgspec.Struct, frozen=True):
    run: str
    time: str
    """ISO 8601, UTC."""
    seconds: float
    ok: bool
    files: list[ProvenFile]
    work: Work
    checks: list[Check]
    version: Literal[1] = 1


def read(path: Path) -> Verification:
    """Raises OSError, `msgspec.DecodeError`."""
    return msgspec.json.decode(path.read_bytes(), type=Verification)
