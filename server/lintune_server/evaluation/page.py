"""The report as one HTML file that needs nothing else: no network, no other file, and no script to be read.

All texts go through Jinja's escaping. The page's policy lets only the style and the script run that are part of it,
known by their hashes; so nothing that a data set or a model wrote can do anything, were it not escaped.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from lintune_server import word_diff
from lintune_server.evaluation import metrics, plots, wording

if TYPE_CHECKING:
    from jinja2 import Template

    from lintune_schemas.evaluation_report import Report, Result, Sample

_LONG = 20_000
"""Characters of a text that are shown: what is beyond is in evaluation.json."""
_ALIKE = 0.4
"""The share of the characters that have to be in both: of fewer, a comparison is harder to read than the two texts."""


class Words(NamedTuple):
    """A run of an answer's words, and whether the reference has them (`same`), lacks them (`more`), or alone has them
    (`less`)."""

    kind: str
    text: str


def render(report: Report) -> str:
    """The page's HTML."""
    style, script = _part("report.css"), _part("report.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return _template().render(
        report=report,
        policy=policy,
        style=Markup(style),  # noqa: S704 (ours)
        script=Markup(script),  # noqa: S704
        headline=wording.headline(report),
        base_name=wording.base_name(report),
        base_file=PurePath(report.base.file).name,  # a page is passed on, and its folders are nobody's business
        intervals=plots.intervals(report.figures),
        marks=plots.marks(report.marks),
        losses=plots.losses(report.each),
        about={metric.name: metric.about for metric in metrics.METRICS},
        all_marks=plots.MARKS,
    )


def differences(sample: Sample, result: Result) -> list[Words]:
    """An answer beside its reference, word by word; as it is where they have little in common."""
    answer, reference = result.text or "", sample.reference or ""
    if answer.strip() == reference.strip():
        return [Words("same", shortened(answer))]
    compared, wanted = word_diff.cut(answer), word_diff.cut(reference)
    found = [Words(_KINDS[part.kind], part.text) for part in word_diff.compare(wanted, compared)]
    common = sum(len(words.text) for words in found if words.kind == "same")
    if 2 * common < _ALIKE * (len(wanted) + len(compared)):
        return [Words("same", shortened(answer))]
    rest = shortened(answer)[len(compared) :]
    return [*found, Words("more", rest)] if rest else found


def shortened(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


_KINDS = {
    word_diff.Kind.BOTH: "same",
    word_diff.Kind.ANSWER: "more",
    word_diff.Kind.REFERENCE: "less",
}


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "interval": wording.interval,
        "difference": wording.difference,
        "shortened": shortened,
        "slug": lambda mark: str(mark).replace(" ", "-"),
        "verdict": metrics.verdict,
        "count": lambda number: f"{number:,}",
    }
    environment.globals["differences"] = differences
    return environment.from_string(_part("report.html.jinja"))


@cache
def _part(name: str) -> str:
    return files("lintune_server.evaluation").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names what it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
