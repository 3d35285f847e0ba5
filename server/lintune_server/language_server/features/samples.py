"""Samples as Markdown, for any client that can show a text and write it back. Lines are counted from 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import requests
from lintune_server.language_server.sample_editing import Known

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
    """`{uri, line, step?, digest?, around?, unsaved?, guardEnds?}` → `{line, digest, around, markdown, reason,
    modified}`, or null when there is none.

    step: 1 for the next sample, -1 for the one before. digest, around: of the sample that is meant, and of the lines
    before and behind it, as they were told; when lines above it came or went, it is found. unsaved: whether the data
    set has unsaved changes in the editor; left out, its text is compared with the file. guardEnds: the editor takes
    spaces at the ends of lines away. reason: why it cannot be edited. modified: when the file changed last, in
    milliseconds since 1970.
    """
    guard_ends = params.get("guardEnds") is True
    beside = params.get("around") or []
    before, behind = beside if isinstance(beside, list) and len(beside) == 2 else (None, None)
    known = Known(requests.text(params, "digest"), before, behind)
    step, unsaved = _number(params, "step") or 0, _flag(params, "unsaved")
    return await session.samples.open(_uri(params), _line(params), step, known, unsaved=unsaved, guard_ends=guard_ends)


async def write(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{uri, line?, digest?, unsaved?, markdown}` → `{state, line, digest}` or `{state, message}`.

    Without line and digest it is a new sample, which goes to the end.

    state: `saved`; `buffered`, when the data set has unsaved changes in the editor, of which this is one now;
    `conflict`, when the line is another one now; `unreadable`, when `line` of the Markdown is to be mended.
    """
    line, digest = _number(params, "line"), requests.text(params, "digest")
    if line is None or digest is None:
        return await session.samples.write_new(_uri(params), _markdown(params), _flag(params, "unsaved"))
    return await session.samples.write(_uri(params), line, digest, _markdown(params), _flag(params, "unsaved"))


async def new(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{uri, unsaved?}` → `{markdown, reason}`: a sample to fill in, which looks like the others of its data set."""
    return await session.samples.new(_uri(params), _flag(params, "unsaved"))


async def look(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{uri, line?, digest?, unsaved?, markdown}` → `{line, diagnostics, parts, summary}`: what there is to say.

    line: where the sample is now. diagnostics: as LSP has them, in the Markdown. parts: `{line, tokens, learned}` of
    each heading. summary: `{tokens, learned, limit}`; null without a tokenizer.
    """
    line, digest = _number(params, "line"), requests.text(params, "digest")
    return await session.samples.look(_uri(params), line, digest, _markdown(params), _flag(params, "unsaved"))


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


def _flag(params: dict[str, Any], name: str) -> bool | None:
    found = params.get(name)
    return found if isinstance(found, bool) else None


def _number(params: dict[str, Any], name: str) -> int | None:
    found = params.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
