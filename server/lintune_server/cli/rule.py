"""`lintune rule CODE`: a rule's page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError
from lintune_server.cli.terminal import Look
from lintune_server.lint.words import closest
from lintune_server.rules import BY_CODE, FAMILIES

if TYPE_CHECKING:
    import argparse

    from lintune_server.lint.rule import Rule

_FIXES = {"safe": "yes, with --fix", "unsafe": "yes, with --fix --unsafe: it may lose data", None: "no"}


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
        print(f"{_beginning(rule)}\n\n{rule.doc}")
    return 0


def _beginning(rule: Rule) -> str:
    about = f"{rule.severity.label} · {FAMILIES[rule.family]} · fix: {_FIXES[rule.fix]}"
    return f"# {rule.code} {rule.name}\n\n{about}"


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
    Console(width=width).print(Page(f"{_beginning(rule)}\n\n{rule.doc}", code_theme="ansi_dark"))
