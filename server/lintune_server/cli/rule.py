"""`lintune rule CODE`: a rule's page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.cli.terminal import Look
from lintune_server.lint.rule_page import page_of
from lintune_server.lint.words import closest
from lintune_server.rule_book import BY_CODE

if TYPE_CHECKING:
    import argparse

    from lintune_server.lint.rule import Rule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Explain one rule. On a terminal, as a page; elsewhere, as Markdown."
    parser.add_argument("code", metavar="CODE", type=str.upper, help="as TK203")


def run(args: argparse.Namespace) -> int:
    rule = BY_CODE.get(args.code)
    if rule is None:
        nearest = closest(args.code, BY_CODE)
        hint = f" Is {nearest} meant?" if nearest else ""
        raise LintuneError(f"There is no rule {args.code}.{hint} See: lintune rules")
    if sys.stdout.isatty():
        _show(rule)
    else:
        print(page_of(rule))
    return 0


def _show(rule: Rule) -> None:
    from rich.console import Console  # a tenth of a second, which only a person at a terminal waits for
    from rich.markdown import Heading, Markdown

    class PlainHeading(Heading):
        """On the left, without a frame: a page is read from the top."""

        def __rich_console__(self, *_: object) -> object:  # type: ignore[override]
            self.text.justify = "left"
            yield self.text

    class Page(Markdown):
        elements = {**Markdown.elements, "heading_open": PlainHeading}  # noqa: RUF012

    width = Look.of(sys.stdout).width
    Console(width=width).print(Page(page_of(rule), code_theme="ansi_dark"))
