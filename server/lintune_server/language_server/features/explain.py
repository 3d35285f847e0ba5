"""workspace/executeCommand: `lintune.explain` shows a rule's page, in the editor where it can show documents."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from lintune_schemas import atomic
from lintune_schemas.base_model import cache_folder
from lintune_server.language_server import convert
from lintune_server.language_server.connection import LintuneServer  # noqa: TC001 (pygls reads annotations)
from lintune_server.lint.rule_page import page_of

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.lint.rule import Rule

EXPLAIN = "lintune.explain"


def register(server: LintuneServer) -> None:
    server.command(EXPLAIN)(explain)


async def explain(ls: LintuneServer, code: str) -> str | None:
    """The page of a rule, which is shown, too. None when there is no such rule."""
    from lintune_server.rule_book import BY_CODE  # the rules of recipes: not before they are asked for

    rule = BY_CODE.get(code)
    if rule is None:
        ls.session.messages.error(f"There is no rule {code}.")
        return None
    page = page_of(rule)
    if not await _shown(ls, rule, page):
        ls.session.messages.info(f"{rule.code} ({rule.name}): {rule.summary} More: lintune rule {rule.code}")
    return page


async def _shown(ls: LintuneServer, rule: Rule, page: str) -> bool:
    """As a document, where the client shows those that the server names."""
    window = ls.client_capabilities.window
    if not (window and window.show_document and window.show_document.support):
        return False
    try:
        path = await asyncio.to_thread(_written, rule, page)
    except OSError:  # no room, or no right to write there
        return False
    shown = await ls.window_show_document_async(types.ShowDocumentParams(convert.uri_of(path), take_focus=True))
    return shown.success


def _written(rule: Rule, page: str) -> Path:
    """The page as a file, which editors can show."""
    path = cache_folder() / "rules" / f"{rule.code}.md"
    if not path.exists() or path.read_text(encoding="utf-8") != page:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(path, page)
    return path
