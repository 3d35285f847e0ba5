"""Samples as Markdown, for any client that can show a text and write it back. Lines are counted from 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import requests

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.session import Session

SAMPLE = "lintune/sample"
WRITE = "lintune/sampleWrite"
NEW = "lintune/newSample"
LOOK = "lintune/sampleLook"


def register(server: LintuneServer) -> None:
    requests.register(server, SAMPLE, sample)
    requests.register(server, WRITE, write)
    requests.register(server, NEW, new)
    requests.register(server, LOOK, look)


async def sample(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """`{uri, line, step?, digest?, guardEnds?}` → `{line, digest, markdown, reason, modified}`, or null without one.

    step: 1 for the next sample, -1 for the one before. digest: of the sample that is meant; when lines above it came or
    went, it is found. guardEnds: the editor takes spaces at the ends of lines away. reason: why it cannot be edited.
    modified: when the file changed last, in milliseconds since 1970.
    """
    guard_ends = params.get("guardEnds") is True
    step, digest = _number(params, "step") or 0, requests.text(params, "digest")
    return await session.samples.open(_uri(params), _line(params), step, digest, guard_ends=guard_ends)


async def write(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{uri, line, digest, markdown}` → `{state, line, digest}` or `{state, message}`; a new sample without a line.

    state: `saved`; `buffered`, when the data set has unsaved changes in the editor, of which this is one now;
    `conflict`, when the line is another one now; `unreadable`, when `line` of the Markdown is to be mended.
    """
    line, digest = _number(params, "line"), requests.text(params, "digest")
    if line is None or digest is None:
        return await session.samples.write_new(_uri(params), _markdown(params))
    return await session.samples.write(_uri(params), line, digest, _markdown(params))


async def new(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{uri}` → `{markdown, reason}`: a sample to fill in, which looks like the others of its data set."""
    return await session.samples.new(_uri(params))


async def look(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{uri, line?, digest?, markdown}` → `{line, diagnostics, parts, summary}`: what there is to say of an edit.

    line: where the sample is now. diagnostics: as LSP has them, in the Markdown. parts: `{line, tokens, learned}` of
    each heading. summary: `{tokens, learned, limit}`; null without a tokenizer.
    """
    line, digest = _number(params, "line"), requests.text(params, "digest")
    return await session.samples.look(_uri(params), line, digest, _markdown(params))


def _uri(params: dict[str, Any]) -> str:
    return _required(requests.text(params, "uri"), "uri is to be the URI of a data set.")


def _markdown(params: dict[str, Any]) -> str:
    return _required(requests.text(params, "markdown"), "markdown is to be the text of a sample's document.")


def _required(found: str | None, message: str) -> str:
    if found is None:
        raise LintuneError(message)
    return found


def _line(params: dict[str, Any]) -> int:
    line = _number(params, "line")
    if line is None:
        raise LintuneError("line is to be the number of a line, from 0.")
    return line


def _number(params: dict[str, Any], name: str) -> int | None:
    found = params.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
