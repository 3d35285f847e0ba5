"""What the language server and its analyst say to each other: msgpack, each message behind its length."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (msgspec reads the fields' types)

import msgspec

from lintune_server.language_server.recipes.outlook import Outlook  # noqa: TC001
from lintune_server.lint.findings import Edit, Finding  # noqa: TC001
from lintune_server.training.preflight import Preflight  # noqa: TC001

LENGTH = 4
"""Bytes of a message's length, the lowest first."""


class Open(msgspec.Struct, tag=True, frozen=True):
    """From now on the analyst knows a data set by this number. `source` holds its text, and belongs to the analyst."""

    document: int
    path: Path
    source: Path


class Change(msgspec.Struct, tag=True, frozen=True):
    """Lines of a data set make way for a text, which brings its line ends."""

    document: int
    first: int
    removed: int
    text: str


class Close(msgspec.Struct, tag=True, frozen=True):
    document: int


class Ask(msgspec.Struct, tag=True, frozen=True):
    """What is found in a data set. renew: its recipe or tokenizer is another. Answered by `Found`."""

    number: int
    document: int
    renew: bool


class AskFixes(msgspec.Struct, tag=True, frozen=True):
    """The edits of all safe fixes in a data set, or of those of one rule. Answered by `Fixes`."""

    number: int
    document: int
    code: str | None


class AskRecipe(msgspec.Struct, tag=True, frozen=True):
    """What is found in the text of a recipe. Answered by `Found`."""

    number: int
    path: Path
    text: str


class AskFile(msgspec.Struct, tag=True, frozen=True):
    """What is found in a data set on disk. Answered by `Found`."""

    number: int
    path: Path


class AskOutlook(msgspec.Struct, tag=True, frozen=True):
    """What is to be expected of a recipe's training. Answered by `Expected`."""

    number: int
    path: Path
    text: str


class AskPreflight(msgspec.Struct, tag=True, frozen=True):
    """What a training of a recipe would begin with. by_hand: a person asked for it. Answered by `Inspected`."""

    number: int
    path: Path
    by_hand: bool


class Progress(msgspec.Struct, tag=True, frozen=True):
    """Bytes that are checked, and all."""

    number: int
    done: int
    size: int


class Found(msgspec.Struct, tag=True, frozen=True):
    number: int
    findings: list[Finding]
    """In the order of the file; the most severe ones where there are more than an editor can show."""
    left_out: int
    texts: dict[int, str] = {}
    """Of a file on disk, the lines that findings are on, as far as these reach."""


class Fixes(msgspec.Struct, tag=True, frozen=True):
    number: int
    edits: list[Edit]


class Expected(msgspec.Struct, tag=True, frozen=True):
    number: int
    outlook: Outlook


class Inspected(msgspec.Struct, tag=True, frozen=True):
    number: int
    flight: Preflight


class Failed(msgspec.Struct, tag=True, frozen=True):
    number: int
    message: str


Request = Open | Change | Close | Ask | AskFixes | AskRecipe | AskFile | AskOutlook | AskPreflight
Reply = Progress | Found | Fixes | Expected | Inspected | Failed

_encoder = msgspec.msgpack.Encoder(enc_hook=str)
requests = msgspec.msgpack.Decoder(Request, dec_hook=lambda type_, value: type_(value))
"""Reads a request; a reply, below. Both raise msgspec.ValidationError."""
replies = msgspec.msgpack.Decoder(Reply, dec_hook=lambda type_, value: type_(value))


def packed(message: Request | Reply) -> bytes:
    """A message as it goes through the pipe."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH, "little") + body
