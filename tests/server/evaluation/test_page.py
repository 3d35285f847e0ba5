"""The page of a report: whole in itself, and safe whatever a data set or a model wrote."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lintune_schemas import evaluation_report
from lintune_schemas.evaluation_report import LeftOut
from lintune_schemas.run_evaluation import Mark
from lintune_server.cli import eval_text
from lintune_server.cli.terminal import Look, cells
from lintune_server.evaluation import page

from .reports import Said, report

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = json.loads(files("lintune_schemas").joinpath("json", "evaluation.schema.json").read_text())
LAMPS = [
    Said("Lamp on?", '{"lamp": "on"}', "Sure, I can help you with that lamp!", '{"lamp": "on"}'),
    Said("Lamp off?", '{"lamp": "off"}', '{"lamp": "off"}', '{"lamp": "on"}'),
    Said("Blinds?", '{"blinds": 40}', '{"lamp": 1}', '{"blinds": 50}'),
    Said("Fan?", '{"fan": 1, "room": 2}', '{"fan": 1, "room": 2}', '{"room": 2, "fan": 1}'),
]
EVIL = st.text(max_size=40) | st.sampled_from(
    [
        "</div><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\" onfocus='alert(1)' x=\"",
        "{{ 7 * 7 }}{% raw %}",
        "<!--",
        "]]></style></svg>",
        "&lt;b&gt; &#x41;",
        "<a href=javascript:alert(1)>",
    ]
)


class Seen(HTMLParser):
    """What a browser would make of a page, in numbers and names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, set[str]] = {}
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@given(st.lists(st.builds(Said, EVIL, EVIL, EVIL, EVIL), min_size=1, max_size=3))
@settings(max_examples=30)
def test_no_text_becomes_markup(samples: list[Said]) -> None:
    evil, tame = (page.render(report(some)) for some in (samples, LAMPS[: len(samples)]))
    seen = Seen(evil)
    assert set(seen.tags) <= set(Seen(page.render(report(LAMPS))).tags)
    for tag in ("script", "style", "meta", "form", "a"):
        assert seen.tags.count(tag) == Seen(tame).tags.count(tag)
    assert not [name for name in seen.attributes if name.startswith("on") or name in ("src", "style", "srcdoc")]
    assert seen.attributes["href"] == {"#samples"}


@given(EVIL.filter(lambda text: text.strip() and "\r" not in text and "\0" not in text))
@settings(max_examples=60)
def test_texts_come_out_as_they_are(text: str) -> None:
    seen = Seen(page.render(report([Said(text, "reference", "b", "t")])))
    assert text in "".join(seen.words)


def test_only_its_own_style_and_script_may_run() -> None:
    text = page.render(report(LAMPS))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    assert policy[1].startswith("default-src &#39;none&#39;;")
    allowed = re.findall(r"sha256-([A-Za-z0-9+/=]+)", policy[1].replace("&#43;", "+").replace("&#34;", ""))
    inline = re.findall(r"<style>(.*?)</style>", text, re.DOTALL) + re.findall(
        r"<script>(.*?)</script>", text, re.DOTALL
    )
    assert allowed == [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in inline]
    assert "unsafe" not in policy[1]
    assert "http://" not in text and "https://" not in text


def test_it_says_what_came_of_it() -> None:
    words = "".join(Seen(page.render(report(LAMPS))).words)
    assert "The tuned model is right on 2 of 4 samples, the base model on 2." in words
    for mark in Mark:
        assert f"{mark}: 1" in words
    assert "Equal JSON" in words
    assert "(SmolLM2-135M-Instruct.Q4_1.gguf)" in words
    assert "/models" not in words
    assert "50% [0, 100]" in words


def test_answers_are_compared_word_by_word() -> None:
    text = page.render(report(LAMPS))
    assert "{&#34;blinds&#34;: <del>40</del><ins>50</ins>}" in text
    assert ">Sure, I can help you with that lamp!</div>" in text, "nothing to compare"
    assert ">equal JSON · chrF" in text
    assert ">no valid JSON · chrF" in text


def test_texts_without_end_are_cut() -> None:
    text = page.render(report([Said("Go on?", "No.", "on and " * 200_000, "No.")]))
    assert len(text) < 200_000
    assert "…" in text


def test_what_was_left_out_is_said() -> None:
    text = page.render(report(LAMPS, left_out=[LeftOut("eval.jsonl", 9, "it has no <answer>")]))
    assert "1 sample was left out" in text
    assert "it has no &lt;answer&gt;" in text


def test_the_report_is_as_its_schema_says(tmp_path: Path) -> None:
    made = report(LAMPS, left_out=[LeftOut("eval.jsonl", 9, "gone")])
    encoded = msgspec.json.encode(made)
    Draft202012Validator(SCHEMA).validate(json.loads(encoded))
    (tmp_path / evaluation_report.FILE).write_bytes(encoded)
    assert evaluation_report.read(tmp_path) == made


@pytest.mark.parametrize("losses", [(3.0, 0.5), (50.0, 1e-9), (1e9, 1e9)])
def test_the_table_fits_a_terminal_of_80_columns(losses: tuple[float, float], tmp_path: Path) -> None:
    lines = list(eval_text.page(report(LAMPS * 3, losses=losses), tmp_path / "evaluation.html", Look()))
    assert max(map(cells, lines[:-1])) <= 80
    assert "fixed 3 · broken 3 · still wrong 3 · still right 3" in lines
    assert "Broken: eval.jsonl:2, eval.jsonl:6, eval.jsonl:10" in lines


@pytest.mark.parametrize(("count", "sign"), [(9, False), (10, True)])
def test_few_samples_prove_nothing(count: int, sign: bool, tmp_path: Path) -> None:
    lines = list(eval_text.page(report(LAMPS[:1] * count), tmp_path / "evaluation.html", Look()))
    (row,) = [line for line in lines if line.startswith("Exact match")]
    assert row.endswith("▲") is sign


def test_metrics_of_some_samples_say_of_how_many(tmp_path: Path) -> None:
    lines = list(eval_text.page(report([*LAMPS, Said("Hi", "Hello!", "Hi", "Hello!")]), tmp_path / "x.html", Look()))
    assert "of 4 samples: Valid JSON, Equal JSON" in lines


def test_a_large_eval_set_gives_a_page_that_a_browser_can_hold() -> None:
    made = report([*LAMPS] * 250)
    assert len(page.render(made)) < 2_500_000
