from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.patterns import lazily, lazily_of_bytes
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule, line_rule
from lintune_server.rules.quality.needles import Needles
from lintune_server.rules.quality.reading import is_quoted, shortened, without_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.samples import Path
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line

_FURNITURE = lazily(
    "|".join(
        (
            r"^[ \t]*Skip to (?:main )?content\b",
            r"\bShare (?:this )?on (?:Facebook|Twitter|LinkedIn|Pinterest)\b",
            r"\b(?:We|This (?:web)?site) uses? cookies\b|\bAccept (?:all )?cookies\b",
            r"\bClick here (?:to (?:subscribe|read|continue|sign|download|register)|for more)\b",
            r"\b(?:subscribe|sign up) (?:to|for) (?:our|the) (?:\w+ )?newsletter\b",
            r"(?<=\w)\[edit\](?=\s|$)",
            r"^[ \t]*advertisement[ \t]*$",
            r"^[ \t]*(?:read more|continue reading|load more|leave a (?:comment|reply))\b[^.\n]{0,40}$",
            r"\ball rights reserved\.?[ \t]*$",
            r"\bplease enable JavaScript\b",
        )
    ),
    re.IGNORECASE | re.MULTILINE,
)
_NEEDLES = Needles(
    *("skip to ", "share on ", "share this on ", "cookies", "click here ", "newsletter", "[edit]", "advertisement"),
    *("read more", "continue reading", "load more", "leave a ", "all rights reserved", "enable javascript"),
)
_ASKED_FOR = lazily(
    r"e-?mail|newsletter|marketing|web ?(?:site|page)|landing page|advert|cookie (?:notice|banner|consent|policy)|"
    r"banner|html|\bui\b|copyright|licen[cs]e",
    re.IGNORECASE,
)
_LICENCE = lazily(r"licen[cs]e|redistribut", re.IGNORECASE)


@line_rule("QL409", Severity.WARNING, _NEEDLES.texts)
def scraping_leftover(line: Line) -> Iterator[Problem]:
    """
    ## What it does
    Reports what was left over when text was taken from web pages: tags (`<br>`, `</p>`), entities (`&nbsp;`, `&#39;`),
    and the furniture of pages (“Skip to main content”, “Share on Facebook”, `[edit]`, cookie notices). Only prose
    counts: code, quotations and texts about HTML or the web are left alone, and tags and entities also where half of
    the samples have them.

    ## Why it hurts
    The model learns to write it, and spends tokens on it.

    ## Example
    ```json
    {"prompt": "Who wrote Faust?", "completion": "Goethe&nbsp;wrote it.<br>Share on Facebook"}
    ```

    ## Use instead
    ```json
    {"prompt": "Who wrote Faust?", "completion": "Goethe wrote it."}
    ```
    """
    if _NEEDLES.missing(line):
        return
    asked_for = any(_ASKED_FOR.search(prompt.text) for prompt in line.prompts if prompt.role != "system")
    for text in line.texts:
        if asked_for and text.learned:
            continue
        prose = without_code(text.text)
        match = _FURNITURE.search(prose)
        if match and not is_quoted(prose, match.start()) and not _LICENCE.search(prose):
            start = match.start() + len(match.group()) - len(match.group().lstrip())
            yield Problem(
                f"“{shortened(match.group())}” was left over from a web page. Take it out.",
                Value(text.path, start, match.end()),
            )


_NAMED = (
    r"nbsp|amp|lt|gt|quot|apos|[lr][sd]quo|[mn]dash|hellip|copy|reg|trade|bull|middot|euro|pound|laquo|raquo|shy|zwnj|"
    r"[aeiouAEIOU](?:acute|grave|circ|uml|tilde)|[nN]tilde|[cC]cedil|szlig|times|deg"
)
_ENTITY = rf"&(?:{_NAMED}|#\d{{2,6}}|#x[0-9A-Fa-f]{{2,5}});"
_NAMES = (
    "p|br|hr|div|span|a|b|i|u|em|strong|ul|ol|li|table|tr|td|th|tbody|thead|h[1-6]|img|font|center|blockquote|script|"
    "style|iframe|section|article|header|footer|nav|html|body|head|meta|link|sup|sub|small|button|form|input"
)
_TAG = rf"<(?:/?(?:{_NAMES})(?:\s[^<>\n]{{0,300}})?/?>|!--|!DOCTYPE\b)"
_MARKUP = lazily(f"{_TAG}|{_ENTITY}")
_TAG_BYTES, _ENTITY_BYTES = re.compile(_TAG.encode()), re.compile(_ENTITY.encode())
_NO_TAG = lazily(r"<([abiu])>(?!.*</\1>)", re.DOTALL)
"""A placeholder or a type, unless something closes it."""
_ABOUT = lazily_of_bytes(
    rb"html|xml|css|markup|markdown|javascript|\bjsx?\b|react|\btags?\b|\bentit(?:y|ies)\b|browser|"
    rb"web ?(?:page|site|dev|scrap)|scrap(?:e|ing)|template|wordpress|\bseo\b|\bpars(?:e|ing)|regex|xpath|selector",
    re.IGNORECASE,
)
_MOST, _FEW = 0.5, 10
"""The share of samples from which on markup is how the file is written, when they are more than a few."""


@fact("B")
def has_markup(line: Line) -> int:
    """1 when there are tags or entities in its prose."""
    data = line.compact
    found = (b"<" in data and _TAG_BYTES.search(data)) or (b"&" in data and _ENTITY_BYTES.search(data))
    return 1 if found and any(_markup(line)) else 0


def _markup(line: Line) -> Iterator[tuple[Path, re.Match[str], int]]:
    """The first tag or entity of each text, and how many there are."""
    if _ABOUT.search(_MARKUP_BYTES.sub(b"", line.compact)):
        return
    for text in line.texts:
        prose = without_code(text.text)
        found = [match for match in _MARKUP.finditer(prose) if not _NO_TAG.match(prose, match.start())]
        if found and not is_quoted(prose, found[0].start()):
            yield text.path, found[0], len(found)


_MARKUP_BYTES = lazily_of_bytes(f"{_TAG}|{_ENTITY}".encode())


@file_rule("QL409", Severity.WARNING, has_markup)
def markup_in_prose(data: DataSet) -> Iterator[tuple[int, Problem]]:
    column = data.column(has_markup)
    found = [index for index, has in enumerate(column) if has]
    if len(found) > max(_FEW, _MOST * len(column)):
        return
    for index in found:
        for path, match, count in _markup(data.line(index)):
            more = f", and {count - 1} more here," if count > 1 else ""
            yield (
                index,
                Problem(
                    f"{shortened(match.group())}{more} was left over from a web page. Write the text without it.",
                    Value(path, match.start(), match.end()),
                ),
            )
