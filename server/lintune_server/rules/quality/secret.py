from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import line_rule
from lintune_server.rules.quality import secret_shapes
from lintune_server.rules.quality.needles import Needles
from lintune_server.rules.quality.reading import everything

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lintune_schemas.samples import Path
    from lintune_server.lint.sample import Line

_BEFORE = re.compile(r"[A-Za-z0-9_+-]")
_AFTER = re.compile(r"[A-Za-z0-9_]")


@dataclass(frozen=True, slots=True)
class _Surrounded:
    """A secret that is told by more than its own characters."""

    needles: tuple[bytes, ...]
    search: Callable[[str], Iterator[tuple[int, int]]]
    message: str


_Kind = secret_shapes.Shape | _Surrounded
_KINDS: tuple[_Kind, ...] = (
    *secret_shapes.SHAPES,
    _Surrounded(
        (b"PRIVATE KEY", b"PuTTY-User-Key-File-"),
        secret_shapes.private_keys,
        "A private key stands here. Replace it where it is in use, and take it out of the data.",
    ),
    _Surrounded(
        (b"eyJ",),
        secret_shapes.json_web_tokens,
        "A signed JSON web token stands here: who has it may log in with it. Take it out of the data.",
    ),
    _Surrounded(
        (b"@",),
        secret_shapes.passwords_in_urls,
        "A password stands in this URL. Change it where it is in use, and take it out of the data.",
    ),
)
_NEEDLES = Needles(*dict.fromkeys(needle.decode().lower() for kind in _KINDS for needle in kind.needles))


@line_rule("QL404", Severity.ERROR, _NEEDLES.texts)
def secret(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports secrets: API keys and tokens of known shapes (those of [detect-secrets](https://github.com/Yelp/detect-secrets)
    and newer ones), private keys, signed JSON web tokens, and passwords in URLs. Personal data is a warning: e-mail
    addresses, phone numbers, card numbers (with a valid check digit) and IBANs (the same).

    What is plainly made up is left alone: keys that say `EXAMPLE`, addresses at example.com and the like, mailboxes of
    an organisation (`info@`), phone numbers with 555, the card numbers and IBANs of manuals, `user:password@localhost`.
    Messages show four characters of what was found, at most.

    ## Why it hurts
    A model says what it was trained on to anyone who asks in the right way. Small models on few samples learn such
    strings by heart.

    ## Example
    ```json
    {"prompt": "How do I log in?", "completion": "Write to paul.renard@gmail.com for an account."}
    ```

    ## Use instead
    ```json
    {"prompt": "How do I log in?", "completion": "Write to support@example.com for an account."}
    ```
    A key that was in a data set is known to others: revoke it as well.
    """
    if _NEEDLES.missing(line):
        return
    data = line.compact
    kinds = [kind for kind in _KINDS if any(needle in data for needle in kind.needles)]
    for path, text in everything(line) if kinds else ():
        for kind in kinds:
            yield from _problems(kind, path, text)


@line_rule("QL404", Severity.ERROR)
def twilio_key(line: Line) -> Iterable[Problem]:
    return _twilio_keys(line) if b"SK" in line.compact else ()


def _twilio_keys(line: Line) -> Iterator[Problem]:
    for path, text in everything(line):
        yield from _problems(secret_shapes.TWILIO, path, text)


def _problems(kind: _Kind, path: Path, text: str) -> Iterator[Problem]:
    if isinstance(kind, secret_shapes.Shape):
        for start, end in _of_shape(kind, text):
            yield Problem(
                f"“{masked(text[start:end])}” is {kind.name}. Revoke it, and take it out of the data.",
                Value(path, start, end),
            )
    else:
        for start, end in kind.search(text):
            yield Problem(kind.message, Value(path, start, end))


def _of_shape(shape: secret_shapes.Shape, text: str) -> Iterator[tuple[int, int]]:
    for match in shape.matches(text):
        start, end = match.span(1 if shape.pattern and match.re.groups else 0)
        part_of_more = (start and _BEFORE.match(text, start - 1)) or _AFTER.match(text, end)
        if not part_of_more and not secret_shapes.is_made_up(text[start:end]):
            yield start, end


def masked(text: str) -> str:
    """The first characters of what must not be shown: a quarter of them, four at most."""
    return f"{text[: min(4, len(text) // 4)]}…"
