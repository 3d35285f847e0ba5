"""The formats of `lintune check`: what they say, that they are what they claim to be, and that nothing leaks."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator

from lintune_server.cli.reports import FORMATS
from lintune_server.cli.reports.excerpt import excerpt
from lintune_server.cli.reports.html_plots import clusters
from lintune_server.cli.terminal import cells, wrap
from lintune_server.lint.findings import Finding, Position, Range, Related, Severity

from .command import GOOD, GPT, Command

SARIF = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
"""OASIS's own schema, as the npm package @microsoft/jest-sarif ships it."""
REPORT = json.loads(files("lintune_schemas").joinpath("json/check-report.schema.json").read_text())
NASTY = '{"messages": [{"role": "gp\\u001bt<b>&%,:\\ud800", "content": "\\u001b[31m<script>alert(1)</script>"}]}\n'


@pytest.fixture
def many(run: Command) -> Command:
    """30 findings of a rule, with fixes, and one of another."""
    run.write("a.jsonl", "".join(GPT.replace("Hi", f"Question {number}") for number in range(30)) + "[]\n")
    return run


class TestFull:
    def test_reads_well(self, run: Command):
        run.write("a.jsonl", GPT.replace("Hello!", "Hello! " * 30) + "[]\n")
        printed = run("check", "a.jsonl", "--select", "JL,SF106")
        assert printed.out == (
            "a.jsonl\n"
            "  1:59 error SF106 unknown-role\n"
            "    “gpt” is no role of a chat: roles are system, developer, user, assistant and\n"
            "    tool. Use assistant.\n"
            '      1 │ …user", "content": "Hi"}, {"role": "gpt", "content": "Hello! Hello! H…\n'
            "        │                                    ^^^^^\n"
            "    fix: Change the role to assistant (--fix)\n"
            "\n"
            "  2:1 error JL002 not-an-object\n"
            "    A sample must be a JSON object, and this line is a list.\n"
            "      2 │ []\n"
            "\n"
            "error   JL002 not-an-object 1\n"
            "error   SF106 unknown-role  1 --fix\n"
            "\n"
            "Found 2 errors in 1 file. 1 can be mended with --fix.\n"
            "Checked 1 file, 1 sample.\n"
        )

    def test_fits_80_columns(self, many: Command):
        many.write("b.jsonl", '{"prompt": "日本語' + "日本語" * 80 + '", "completion": ""}\n')
        printed = many("check", ".", "--select", "SF,JL,DU")
        assert max(cells(line) for line in printed.out.splitlines()) <= 80

    def test_the_first_of_each_rule_are_shown(self, many: Command):
        printed = many("check", "a.jsonl", "--select", "JL,SF106")
        assert printed.out.count("error SF106 unknown-role\n") == 20
        assert "  and 10 more SF106 (--max-findings 0 lists them all)\n" in printed.out
        assert "error   SF106 unknown-role  30 --fix\n" in printed.out
        assert many("check", "a.jsonl", "--max-findings", "0").out.count("error SF106 unknown-role\n") == 30
        assert many("check", "a.jsonl", "--max-findings", "3").out.count("error SF106 unknown-role\n") == 3

    def test_colours_only_when_they_are_wanted(self, many: Command, monkeypatch: pytest.MonkeyPatch):
        assert "\x1b" not in many("check", "a.jsonl").out
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert "\x1b[31;1merror\x1b[0m" in many("check", "a.jsonl").out
        monkeypatch.setenv("NO_COLOR", "")
        assert "\x1b" not in many("check", "a.jsonl").out

    def test_points_at_other_files(self, run: Command):
        run.write("data/train.jsonl", GOOD)
        run.write("data/eval.jsonl", GOOD)
        run.write(
            "recipe.yaml",
            "base_model: x/y\ndatasets: [{path: data/train.jsonl}]\ntest_datasets: [{path: data/eval.jsonl}]\n",
        )
        assert "    see data/train.jsonl:1: " in run("check", "data/eval.jsonl", "--select", "DU305").out


class TestConcise:
    def test_one_line_a_finding_and_all_of_them_in_a_pipe(self, many: Command):
        lines = many("check", "a.jsonl", "--output-format", "concise", "--select", "JL,SF106").out.splitlines()
        assert len(lines) == 31 + 2
        assert lines[0].startswith("a.jsonl:1:67: error SF106 “gpt” is no role of a chat")

    def test_a_limit_is_told(self, many: Command):
        printed = many("check", "a.jsonl", "--output-format", "concise", "--max-findings", "2", "--select", "SF106")
        assert "a.jsonl: and 28 more SF106 (--max-findings 0 lists them all)" in printed.out


class TestJson:
    def test_is_what_the_schema_says(self, many: Command):
        many.write("recipe.yaml", "base_model: x/y\nlora_aplha: 3\n")
        many.write("nasty.jsonl", NASTY)
        report = json.loads(many("check", ".", "--output-format", "json").out)
        Draft202012Validator(REPORT).validate(report)
        assert sum(one["code"] == "SF106" and one["path"] == "a.jsonl" for one in report["findings"]) == 30
        assert [file["path"] for file in report["files"]] == ["a.jsonl", "nasty.jsonl", "recipe.yaml"]

    def test_of_nothing(self, run: Command):
        run.write("a.jsonl", "")
        report = json.loads(run("check", "a.jsonl", "--select", "JL", "--output-format", "json").out)
        Draft202012Validator(REPORT).validate(report)
        assert report["findings"] == []

    def test_what_is_about_the_file_has_no_sample(self, run: Command):
        run.write("a.jsonl", "[\n" + GOOD + "]\n")
        (finding,) = json.loads(run("check", "a.jsonl", "--output-format", "json").out)["findings"]
        assert (finding["code"], finding["sample"]) == ("JL005", None)


class TestGithub:
    def test_annotations(self, run: Command):
        run.write("odd, name: 100%.jsonl", "[]\n" + GOOD + GOOD)
        lines = run("check", ".", "--output-format", "github", "--select", "JL,DU").out.splitlines()
        assert lines[0].startswith(
            "::error file=odd%2C name%3A 100%25.jsonl,line=1,endLine=1,col=1,endColumn=3,title=JL002::A sample"
        )
        assert lines[1].startswith("::warning file=")
        assert len(lines) == 2

    def test_a_finding_cannot_give_commands(self, run: Command):
        run.write("a.jsonl", '{"messages": [{"role": "x\\n::set-output name=a::b", "content": "y"}]}\n')
        printed = run("check", "a.jsonl", "--output-format", "github").out
        assert all(re.match(r"::(error|warning|notice) file=a\.jsonl,", line) for line in printed.splitlines())


class TestSarif:
    def report(self, run: Command, *words: str) -> dict:
        report = json.loads(run("check", *words, "--output-format", "sarif").out)
        Draft4Validator(SARIF).validate(report)
        return report

    def test_is_what_oasis_says(self, many: Command):
        many.write("sub dir/nästy.jsonl", NASTY + GOOD + GOOD)
        many.write("recipe.yaml", "base_model: x/y\nlora_aplha: 3\n")
        (one,) = self.report(many, ".")["runs"]
        assert one["columnKind"] == "unicodeCodePoints"
        rules = one["tool"]["driver"]["rules"]
        assert {rule["id"] for rule in rules} == {result["ruleId"] for result in one["results"]}
        assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in one["results"])
        places = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in one["results"]}
        assert places == {"a.jsonl", "recipe.yaml", "sub%20dir/n%C3%A4sty.jsonl"}

    def test_of_nothing(self, run: Command):
        run.write("a.jsonl", GOOD)
        assert self.report(run, "a.jsonl", "--select", "JL")["runs"][0]["results"] == []

    def test_a_result_has_a_region_a_fix_and_a_print_that_lasts(self, run: Command):
        run.write("a.jsonl", GPT)
        (result,) = self.report(run, "a.jsonl", "--select", "SF106")["runs"][0]["results"]
        region = {"startLine": 1, "startColumn": 59, "endLine": 1, "endColumn": 64}
        assert result["locations"][0]["physicalLocation"]["region"] == region
        assert result["fixes"][0]["artifactChanges"][0]["replacements"] == [
            {"deletedRegion": region, "insertedContent": {"text": '"assistant"'}}
        ]
        run.write("a.jsonl", GOOD + GPT)
        (moved,) = self.report(run, "a.jsonl", "--select", "SF106")["runs"][0]["results"]
        assert moved["partialFingerprints"] == result["partialFingerprints"]

    def test_a_file_from_elsewhere(self, run: Command, tmp_path_factory: pytest.TempPathFactory):
        path = tmp_path_factory.mktemp("elsewhere") / "a.jsonl"
        path.write_text("[]\n")
        (result,) = self.report(run, str(path))["runs"][0]["results"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": path.as_uri()}


class _Page(HTMLParser):
    """Checks that elements are closed in order, and notes them."""

    VOID = ("meta", "br", "rect", "line")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


class TestHtml:
    def page(self, run: Command, *words: str) -> _Page:
        printed = run("check", *words, "--output-format", "html")
        page = _Page()
        page.feed(printed.out)
        page.close()
        assert page.open == []
        return page

    def test_stands_alone_and_escapes_everything(self, many: Command):
        many.write("<b>&.jsonl", NASTY + '{"prompt": "<img src=x>", "completion": "<i>", "\\"><p>": 1}\n')
        page = self.page(many, ".")
        tags = {tag for tag, _ in page.tags}
        assert tags.isdisjoint({"script", "img", "link", "iframe", "b&", "i"})
        assert not [name for _, attributes in page.tags for name in attributes if name in ("src", "href", "onclick")]
        assert not any("://" in (value or "") for _, attributes in page.tags for value in attributes.values())
        assert "<b>&.jsonl" in "".join(page.texts)

    def test_has_plots(self, run: Command):
        run.write("recipe.yaml", "base_model: smollm2-135m-instruct\ndatasets: [{path: a.jsonl}]\nsequence_len: 40\n")
        lines = ['{"prompt": "%s", "completion": "yes"}\n' % ("word " * number) for number in range(1, 60)]
        run.write("a.jsonl", "".join(lines + lines[:3]))
        page = self.page(run, "a.jsonl")
        titles = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
        assert [title.split(" ")[0] for title in titles if title] == ["Samples", "Characters", "Answers:", "Groups"]
        assert "sequence_len 40" in "".join(page.texts)

    def test_the_same_input_gives_the_same_page(self, many: Command):
        first, second = (many("check", ".", "--output-format", "html").out for _ in range(2))
        assert first == second

    def test_groups_of_duplicates(self):
        def duplicate(line: int, of: int, path: str = "a") -> Finding:
            place = Range(Position(line, 0), Position(line, 1))
            return Finding("DU301", "x", Severity.WARNING, "x", place, None, (Related(Path(path), of, "first here"),))

        found = clusters([duplicate(5, 2), duplicate(9, 5), duplicate(7, 1, "b"), duplicate(4, 3)], "a")
        assert found == [[("a", 2), ("a", 5), ("a", 9)], [("a", 3), ("a", 4)], [("a", 7), ("b", 1)]]


class TestOutputFile:
    @pytest.mark.parametrize("name", FORMATS)
    def test_holds_what_would_be_printed(self, many: Command, name: str):
        printed = many("check", "a.jsonl", "--output-format", name)
        written = many("check", "a.jsonl", "--output-format", name, "--output-file", "out")
        assert written.out == ""
        assert written.code == printed.code == 1
        assert written.err.splitlines()[-3].startswith("Found ")
        assert (many.folder / "out").read_text(encoding="utf-8") == printed.out
        assert {path.name for path in many.folder.iterdir()} == {"a.jsonl", "out"}

    def test_cannot_be_written(self, many: Command):
        refused = many("check", "a.jsonl", "--output-file", "none/out")
        assert refused.code == 2
        assert "none/out could not be written" in refused.err

    def test_a_device(self, many: Command):
        assert many("check", "a.jsonl", "--output-file", "/dev/null").code == 1


@pytest.mark.parametrize("name", FORMATS)
def test_lone_surrogates_and_control_characters(run: Command, name: str):
    (run.folder / "a.jsonl").write_bytes(NASTY.encode() + b'{"prompt": "\xff\x1b[2J", "completion": ""}\n')
    printed = run("check", "a.jsonl", "--output-format", name)
    assert printed.code == 1
    assert "\x1b" not in printed.out
    assert "Traceback" not in printed.err


LINES = st.text(st.sampled_from("ab 日🏠\u0301\t\x1b\u200b\ufeff"), max_size=300)


@given(LINES, st.data())
def test_an_excerpt_fits_and_marks_what_it_is_about(line, data):
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    finding = Finding("JL001", "x", Severity.ERROR, "x", Range(Position(0, start), Position(0, end)))
    text, marks = excerpt(line, finding, 60)
    assert cells(text) <= 60
    assert cells(marks) <= 61
    assert text.isprintable()
    if marks:
        assert set(marks) <= set(" ^…")
        assert marks.index("^") <= cells(text)


@given(st.text(max_size=200), st.integers(10, 40))
def test_wrapped_text_fits_and_loses_nothing(text, width):
    lines = list(wrap(text, width, "  "))
    assert all(cells(line) <= width for line in lines)
    shown = "".join("".join(lines).split())
    assert len(shown) == len(
        "".join(("".join(c if c.isprintable() else " " if c in "\n\t" else "·" for c in text)).split())
    )
