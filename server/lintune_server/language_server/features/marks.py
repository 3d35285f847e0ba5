"""`lintune/marks`: how the samples of an eval set came out in the last evaluation, for clients that draw it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import requests, sample_page
from lintune_server.language_server.documents import Kind
from lintune_server.language_server.features import visible

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.session import Session

MARKS = "lintune/marks"

_MOST_LINES = 20_000
"""Looking so many up takes a fifth of a second, in a thread."""


def register(server: LintuneServer) -> None:
    requests.register(server, MARKS, marks)


async def marks(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{uri, range?}` → `{version, marks: [{line, mark, detail}]}` of an open data set.

    mark: `fixed`, `broken`, `still wrong` or `still right`. detail: Markdown. version: of the text that they are
    about. A client that draws them says `evalMarks: true` when it introduces itself: inlay hints leave them out then.
    """
    uri = requests.text(params, "uri")
    document = session.documents.get(uri or "")
    if document is None or document.kind is not Kind.DATASET:
        raise LintuneError("Open a data set to see how its samples came out.")
    version = document.version
    first, lines = visible.lines_of(document, _range(params.get("range")), _MOST_LINES)
    reader = await session.readers.of(document, asks_again=False)
    results = await session.marks.results(reader.context, lines) if reader else []
    return {
        "version": version,
        "marks": [
            {"line": number, "mark": result.mark.value, "detail": sample_page.evaluated(result)}
            for number, result in enumerate(results, first)
            if result is not None and result.mark is not None
        ],
    }


def _range(value: Any) -> types.Range | None:
    if value is None:
        return None
    try:
        places = [types.Position(value[end]["line"], value[end]["character"]) for end in ("start", "end")]
    except (KeyError, TypeError):
        raise LintuneError("range is to have a start and an end, as LSP writes them.") from None
    return types.Range(*places)
