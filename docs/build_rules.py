"""Writes the rule book's pages, docs/rules/, from the rules themselves.

python docs/build_rules.py           # writes them
python docs/build_rules.py --check   # exit code 1 when a page is not what its rule says
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lintune_server.rule_book import RULES
from lintune_server.rules import FAMILIES

if TYPE_CHECKING:
    from lintune_server.lint.rule import Rule

FOLDER = Path(__file__).parent / "rules"


def pages() -> dict[str, str]:
    """File name to text."""
    built = {f"{rule.code}.md": f"# {rule.code} {rule.name}\n\n{_about(rule)}\n\n{rule.doc}\n" for rule in RULES}
    lines = ["# Rules", "", "Errors stop a training on save; warnings and below do not.", ""]
    for family, title in FAMILIES.items():
        lines += [f"## {family} · {title}", "", "| code | name | severity |", "| --- | --- | --- |"]
        lines += [
            f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.severity.label} |"
            for rule in RULES
            if rule.family == family
        ]
        lines.append("")
    return {"README.md": "\n".join(lines), **built}


def _about(rule: Rule) -> str:
    return (
        f"Severity: {rule.severity.label}. Family: {FAMILIES[rule.family]}. In a terminal: `lintune rule {rule.code}`."
    )


def main() -> int:
    built = pages()
    if "--check" in sys.argv:
        there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
        stale = sorted(name for name in {*built, *there} if built.get(name) != there.get(name))
        if stale:
            print(f"Not up to date: {', '.join(stale)}. Run: make docs", file=sys.stderr)
        return int(bool(stale))
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        path.unlink()
    for name, text in built.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
