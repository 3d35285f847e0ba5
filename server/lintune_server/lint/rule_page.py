"""The page of a rule, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.rules import FAMILIES

if TYPE_CHECKING:
    from lintune_server.lint.rule import Rule

_FIXES = {"safe": "yes, with --fix", "unsafe": "yes, with --fix --unsafe: it may lose data", None: "no"}


def page_of(rule: Rule) -> str:
    about = f"{rule.severity.label} · {FAMILIES[rule.family]} · fix: {_FIXES[rule.fix]}"
    return f"# {rule.code} {rule.name}\n\n{about}\n\n{rule.doc}"
