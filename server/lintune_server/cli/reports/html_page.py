"""The frame of the HTML report: no script, nothing from elsewhere, light and dark as the reader's system is."""

from __future__ import annotations

import html
import re

from lintune_server.cli.terminal import clean

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #23211f; --soft: #6d6862; --line: #e3dfd9; --code: #f3f0eb;
  --error: #b3261e; --warning: #9a6700; --info: #0b63a5; --hint: #6f4bb0; --bar: #3b7ea1; --learned: #2f8f6b;
  --mark: #ffe08a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171615; --card: #201f1d; --ink: #e9e6e1; --soft: #a19b93; --line: #383530; --code: #2a2825;
    --error: #ff8a80; --warning: #e3b341; --info: #79b8ff; --hint: #c4a7f5; --bar: #6cb4d6; --learned: #63c79d;
    --mark: #6b5a12;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 3rem 0 .25rem; overflow-wrap: anywhere; }
h3 { font-size: .95rem; margin: 0 0 .6rem; }
p { margin: .25rem 0 1rem; }
.soft { color: var(--soft); }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0; }
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem 1rem; }
.figures b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.error { color: var(--error); } .warning { color: var(--warning); } .info { color: var(--info); }
.hint { color: var(--hint); }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; margin: 1rem 0; }
.plots figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.plots figure { padding: 1rem; }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: var(--ink); }
svg .bar { fill: var(--bar); } svg .learned { fill: var(--learned); } svg .soft { fill: var(--soft); }
svg .axis { stroke: var(--line); } svg .limit { stroke: var(--error); stroke-dasharray: 4 3; }
svg .over { fill: var(--error); }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); font-size: .85rem; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td { vertical-align: top; }
td.rule { white-space: nowrap; } td.small { font-size: .85rem; } td.way { white-space: nowrap; }
code { font: .9em ui-monospace, monospace; }
details { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; }
summary { cursor: pointer; padding: .55rem 1rem; }
summary b { font-weight: 600; }
.finding { padding: .6rem 1rem; border-top: 1px solid var(--line); }
.finding p { margin: 0; overflow-wrap: anywhere; }
.about { padding: 0 1rem .6rem; margin: 0; }
pre { margin: .4rem 0 0; padding: .5rem .7rem; background: var(--code); border-radius: .35rem; }
pre { font: .82rem/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: var(--mark); color: inherit; border-radius: .15rem; }
"""

_CODE = re.compile("`([^`]+)`")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, body: str) -> str:
    """A whole document; the body is HTML already."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{text(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def markdown(value: str) -> str:
    """Text with `code` in it."""
    return _CODE.sub(r"<code>\1</code>", text(value))


def text(value: object) -> str:
    """Escaped, for the inside of an element or of a quoted attribute; nothing invisible in it."""
    return html.escape(clean(str(value)))
