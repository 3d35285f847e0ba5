"""Files that are no clean JSON Lines: a finding for each, in bounded time and memory, and fixes."""

from __future__ import annotations

import codecs
import gzip
import json
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_server.lint import checking, fixed_file
from lintune_server.lint.context import Context
from lintune_server.lint.dataset import DatasetLinter
from lintune_server.lint.selection import Selection
from lintune_server.rules.json_lines import encodings, one_a_line

ONLY_JL = Selection(("JL",))
HI = '{"prompt": "Hi", "completion": "Hello!"}\n'
BYE = '{"prompt": "À bientôt 🏠 日本", "completion": "Bye!"}\n'


def file(tmp_path: Path, content: bytes | str) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def found(path: Path) -> list[str]:
    return [f"{finding.code} {finding.severity.label}" for finding in checking.check(path, None, ONLY_JL).findings]


def fixed(path: Path, *, unsafe: bool = False) -> str:
    """The content of the file after all fixes of this family, which then finds nothing more to mend."""
    check = partial(checking.check, path, None, ONLY_JL)
    fixed_file.fix(path, check, unsafe=unsafe)
    assert fixed_file.fix(path, check, unsafe=unsafe).count == 0
    return path.read_bytes().decode("utf-8", "surrogateescape")


class TestEncodings:
    @pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
    @pytest.mark.parametrize("bom", ["", "\ufeff"])
    def test_utf_16_and_32(self, tmp_path, codec, bom):
        path = file(tmp_path, (bom + HI + BYE).encode(codec))
        assert found(path) == ["JL006 error"]
        assert fixed(path) == HI + BYE

    def test_utf_16_that_is_cut_has_no_fix(self, tmp_path):
        path = file(tmp_path, (HI + BYE).encode("utf-16")[:-1])
        assert found(path) == ["JL006 error"]
        assert checking.check(path, None, ONLY_JL).findings[0].fix is None

    def test_a_mark_is_a_warning_and_the_rest_of_the_line_is_checked(self, tmp_path):
        path = file(tmp_path, codecs.BOM_UTF8 + HI.replace("completion", "prompt").encode())
        assert found(path) == ["JL006 warning", "JL007 error"]
        repeated = checking.check(path, None, ONLY_JL).findings[1]
        assert repeated.range.start.column == len('\ufeff{"prompt": "Hi", ')
        assert repeated.related[0].columns == (2, 10)
        path = file(tmp_path, codecs.BOM_UTF8 + HI.encode())
        assert checking.check(path, None, Selection()).totals.samples == 1
        assert fixed(path) == HI

    def test_marks_inside_of_the_file(self, tmp_path):
        path = file(tmp_path, f"\ufeff{HI}\ufeff{BYE}")
        assert found(path) == ["JL006 warning", "JL006 error"]
        assert fixed(path) == HI + BYE

    @pytest.mark.parametrize(
        ("codec", "text"),
        [
            ("cp1252", "Où est l’école ? À côté du café, près de la bibliothèque."),
            ("cp1251", "Столица России — Москва, в ней живёт много людей."),
            ("cp1250", "Praha je největší město, leží na řece Vltavě a žije v ní přes milion lidí."),
            ("cp932", "日本の首都は東京です。人口は約千四百万人です。"),
            ("gb18030", "中国的首都是哪里？请简单介绍一下。"),
            ("cp949", "한국의 수도는 어디입니까?"),
        ],
    )
    def test_a_file_in_another_encoding(self, tmp_path, codec, text):
        content = "".join(f'{{"prompt": "{text}", "completion": "{number}"}}\n' for number in range(5))
        path = file(tmp_path, content.encode(codec))
        (finding,) = checking.check(path, None, ONLY_JL).findings
        assert finding.code == "JL006"
        assert encodings.NAMES[codec] in finding.message
        assert fixed(path).encode("utf-8", "surrogateescape") == content.encode(codec), "a guess is not safe"
        assert fixed(path, unsafe=True) == content

    def test_a_few_bytes_of_another_encoding_are_found_on_their_lines(self, tmp_path):
        bad = '{"prompt": "café “au lait”", "completion": "x"}\n'
        path = file(tmp_path, BYE.encode() + bad.encode("cp1252") + HI.encode())
        (finding,) = checking.check(path, None, ONLY_JL).findings
        assert (finding.code, finding.range.start.line, finding.range.start.column) == ("JL006", 1, 15)
        assert "byte 16 of this line is 0xE9 (3 such places on this line)" in finding.message
        assert fixed(path, unsafe=True) == BYE + bad + HI

    def test_bytes_of_no_encoding(self, tmp_path):
        path = file(tmp_path, HI.encode().replace(b"Hi", b"\xff\xfe\x80 \xf8\x88\x80\x80\x80"))
        assert found(path) == ["JL006 error"]
        assert fixed(path, unsafe=True).encode("utf-8", "surrogateescape") == path.read_bytes()

    def test_bytes_outside_of_texts(self, tmp_path):
        assert found(file(tmp_path, HI.encode() + b'{"prompt": \x80\n')) == ["JL006 error"]

    def test_surrogates_as_bytes(self, tmp_path):
        pair, half = "\ud83c\udfe0".encode("utf-8", "surrogatepass"), b"\xed\xa0\xbc"
        path = file(tmp_path, HI.encode().replace(b"Hi", b"Hi " + pair) + HI.encode().replace(b"Hi", b"Hi " + half))
        assert found(path) == ["JL006 error", "JL008 error"]
        assert fixed(path, unsafe=True) == HI.replace("Hi", "Hi 🏠") + HI.replace("Hi", "Hi \ufffd")

    def test_nuls(self, tmp_path):
        path = file(tmp_path, f"{HI}\0\0\0{BYE}" + "\0" * 5000)
        assert found(path) == ["JL006 error", "JL006 error", "JL011 hint"]
        assert fixed(path, unsafe=True) == HI + BYE


class TestOtherFiles:
    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (gzip.compress(HI.encode() * 100), "a gzip archive"),
            (b"PAR1\x15\x04\x15\x10" + bytes(range(256)), "a Parquet file"),
            (b"PK\x03\x04\x14\x00\x00\x00" + bytes(100), "a zip archive"),
            (pickle.dumps([{"prompt": "Hi"}]), "a Python pickle"),
            (bytes(100_000), "nothing but NUL bytes"),
            (bytes(range(256)) * 50, "binary"),
            (b"prompt;completion\nHi;Hello!\n", "a CSV file, with the columns prompt, completion"),
            (b"<!doctype html>\n<html></html>\n", "a web page"),
            (b'<?xml version="1.0"?>\n<a/>\n', "an XML file"),
            (b"one\ntwo\nthree\n", "no line of it begins with"),
        ],
        ids=range(10),
    )
    def test_what_it_is(self, tmp_path, content, what):
        (finding,) = checking.check(file(tmp_path, content), None, ONLY_JL).findings
        assert finding.code == "JL005"
        assert what in finding.message

    @pytest.mark.parametrize(
        "content",
        [
            HI,
            f"\n\n  {HI}",
            '{"messages": [\n' + HI * 5,  # a line that was cut
            '{"messages": [{"role": "user",\n' + HI * 5,
            '{"messages": [\n{"a": 1}\n' + HI * 5,
            "[]\n",
            '[{"role": "user", "content": "Hi"}]\n',
            '["a"]\n["b"]\n["c"]\n',
            '"a"\n"b"\n"c"\n',
            "# a comment\n" + HI,
            "hello\n",
            "{'a': 1}\n" * 5,
        ],
        ids=range(12),
    )
    def test_what_may_be_json_lines(self, tmp_path, content):
        assert "JL005 error" not in found(file(tmp_path, content))

    def test_an_empty_file(self, tmp_path):
        assert found(file(tmp_path, b"")) == []

    @pytest.mark.parametrize(
        "content",
        [
            f"[{HI},{BYE}]",
            f"[\n{HI},\n{BYE}]\n",
            f"\ufeff[{HI.strip()},{BYE.strip()}]",
            json.dumps([json.loads(HI), json.loads(BYE)], indent=2, ensure_ascii=False),
            json.dumps([json.loads(HI), json.loads(BYE)], indent="\t", ensure_ascii=False).replace("\n", "\r\n"),
            json.dumps(json.loads(HI), indent=4) + "\n\n" + json.dumps(json.loads(BYE), indent=4, ensure_ascii=False),
            json.dumps({"rows": [json.loads(HI), json.loads(BYE)]}, indent=2, ensure_ascii=False),
        ],
        ids=range(7),
    )
    def test_is_written_one_object_a_line(self, tmp_path, content):
        path = file(tmp_path, content)
        assert found(path) == ["JL005 error"]
        assert fixed(path) == HI + BYE

    @pytest.mark.parametrize(
        "content",
        [
            '[\n  {"a": 1},\n  2\n]\n',
            '[\n  {"a": NaN}\n]\n',
            '[\n  {"a": 1},\n]\n',
            '{\n  "a": 1\n}\n{\n  "a"\n}\n',
            f'{{\n"rows": [{HI}],\n"version": 1}} x',
            "[\n" * 100_000,
            '[{"a":' * 50_000 + "\n",
        ],
        ids=range(7),
    )
    def test_is_left_as_it_is_when_not_all_are_objects(self, tmp_path, content):
        path = file(tmp_path, content)
        assert fixed(path) == content

    def test_values_stay_as_they_are_written(self, tmp_path):
        content = (
            '[\n {"a": 1.50,\n  "b": 123456789012345678901234567890, "c":"\\u00e9\\n  \\"x",  "d" : [ ],\n "a": 1E5}\n]'
        )
        expected = '{"a": 1.50, "b": 123456789012345678901234567890, "c":"\\u00e9\\n  \\"x",  "d" : [ ], "a": 1E5}\n'
        assert one_a_line.rewritten(content) == expected


@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=3),
            st.recursive(
                st.none() | st.text('a"\\ \n\r\t,:{}[]é🏠', max_size=6) | st.integers(-(2**53), 2**53),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
                max_leaves=5,
            ),
            min_size=2,
            max_size=3,
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([None, 0, 1, 4, "\t"]),
    st.booleans(),
    st.booleans(),
)
def test_the_same_objects_one_a_line(values, indent, ascii_, as_list):
    texts = [json.dumps(value, indent=indent, ensure_ascii=ascii_) for value in values]
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_) if as_list else "\n".join(texts)
    written = one_a_line.rewritten(text)
    assert [json.loads(line) for line in written.removesuffix("\n").split("\n")] == values


class TestLines:
    @pytest.mark.parametrize(
        ("line", "codes"),
        [
            ('{"a": ' * 100_000 + "1" + "}" * 100_000, ["JL001 error"]),
            ("[" * 100_000, ["JL001 error"]),
            ('{"prompt": "x", "completion": ' + "[" * 500 + "]" * 500 + "}", ["JL001 error"]),
            ('{"prompt": "x", "completion": ' + "1" * 10_000 + "}", ["JL001 error"]),
            ('{"prompt": "x", "completion": 0.' + "0" * 10_000 + "1}", []),
            ('{"prompt": "x", "completion": "\\ud83d"}', ["JL008 error"]),
            ('{"prompt": "x", "completion": "y", "prompt": "z"}', ["JL007 error"]),
            ('{"prompt": "x", "completion": ' + '"' * 100_001, ["JL001 error"]),
            ('{"prompt": "x"' + "," * 100_000 + "}", ["JL001 error"]),
            ("{'a': " * 10_000, ["JL009 error", "JL001 error"]),
            ('{"a":1}' * 10_000, ["JL004 error"]),
            ('{"a":1,"a":1}' * 1000, ["JL004 error"]),
            ("[" + '{"k":1,"k":2},' * 2000 + "0]", ["JL002 error", *["JL007 error"] * 100]),
        ],
        ids=range(13),
    )
    def test_one_line(self, tmp_path, line, codes):
        assert found(file(tmp_path, f"{HI}{line}\n{BYE}")) == codes

    def test_all_rules_bear_what_is_deep_or_odd(self, tmp_path):
        lines = [
            '{"prompt": "x", "completion": "y", "more": ' + "[" * depth + "]" * depth + "}" for depth in (253, 254)
        ]
        path = file(tmp_path, "\n".join([*lines, '{"prompt": "\\u0000\\uffff", "completion": "\\ufdd0"}', ""]))
        errors = [finding for finding in checking.check(path, None, Selection()).findings if finding.code == "JL001"]
        assert [finding.range.start.line for finding in errors] == [1]


class TestLineEnds:
    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (HI * 3, HI * 3),
            (HI * 2 + BYE.replace("\n", "\r\n"), HI * 2 + BYE),
            ((HI * 2 + BYE).replace("\n", "\r\n") + HI, (HI * 2 + BYE + HI).replace("\n", "\r\n")),
            ((HI + BYE).replace("\n", "\r"), HI + BYE),
            (HI + HI.replace("\n", "\r\r\n") + BYE, HI + HI + BYE),
            (HI + "\r\n \n" + BYE + "\n\n  ", HI + BYE),
            (
                HI.replace("Hi", "H\ri") + HI.replace("Hi", "\r\ri"),
                HI.replace("Hi", "H\\ri") + HI.replace("Hi", "\\r\\ri"),
            ),
            (HI.replace("Hi", 'H\\"\ri\\\\') + BYE, HI.replace("Hi", 'H\\"\\ri\\\\') + BYE),
            (HI.replace("Hi", "\u2028\x85") + BYE, HI.replace("Hi", "\\u2028\\u0085") + BYE),
            (HI + BYE.strip(), HI + BYE),
            ("\r" + HI, HI),
        ],
        ids=range(11),
    )
    def test_are_mended(self, tmp_path, content, expected):
        assert fixed(file(tmp_path, content)) == expected

    @given(st.text(st.sampled_from('{}"\\a: \n\r'), max_size=30))
    def test_mending_ends_and_twice_is_once(self, text):
        linter = DatasetLinter(Path("a.jsonl"), Context(), ONLY_JL)
        assert all(finding.range.start <= finding.range.end for finding in linter.check(text))


@given(st.text(st.characters() | st.sampled_from("\ud83d\ude00\udc80\udcff\0\ufeff{}\"'\n\r\u2028"), max_size=40))
def test_the_text_of_an_editor_may_hold_anything(text):
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for finding in DatasetLinter(Path("a.jsonl"), Context()).check(text):
        assert finding.range.start <= finding.range.end
        assert finding.range.end.column <= len(lines[finding.range.end.line])


LIMITED = """
import resource, sys
from pathlib import Path
from lintune_server.lint import checking
from lintune_server.lint.selection import Selection
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for finding in checking.check(Path(sys.argv[1]), None, Selection()).findings:
    print(finding.code, finding.severity.label, finding.message)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
class TestHuge:
    """In a process of its own, whose memory is measured."""

    def checked(self, path: Path) -> tuple[list[str], int]:
        """The findings, and the megabytes that were needed for them."""
        command = [sys.executable, "-c", LIMITED, path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        *findings, kilobytes = done.stdout.splitlines()
        return findings, int(kilobytes) // 1024

    def write(self, tmp_path: Path, before: bytes, block: bytes, size: int, after: bytes) -> Path:
        path = tmp_path / "a.jsonl"
        with path.open("wb") as output:
            output.write(before)
            for _ in range(size // len(block)):
                output.write(block)
            output.write(after)
        return path

    def test_a_line_of_500_mb(self, tmp_path):
        path = self.write(tmp_path, HI.encode() + b'{"prompt": "', b"a" * (1 << 20), 500 << 20, b'"}\n' + BYE.encode())
        findings, megabytes = self.checked(path)
        assert [finding[:11] for finding in findings if finding.startswith("JL")] == ["JL001 error"]
        assert "524,288,015 bytes" in findings[0]
        assert megabytes < 200

    def test_500_mb_of_nothing(self, tmp_path):
        path = tmp_path / "a.jsonl"
        with path.open("wb") as output:
            output.truncate(500 << 20)
        findings, megabytes = self.checked(path)
        assert findings == [
            "JL005 error This file is no JSON Lines: it holds nothing but NUL bytes. "
            "A data set is text: one JSON object a line."
        ]
        assert megabytes < 200

    def test_a_list_of_100_mb_on_one_line(self, tmp_path):
        block = (HI.strip() + ", ").encode() * 10_000
        path = self.write(tmp_path, b"[", block, 100 << 20, b"{}]\n")
        findings, megabytes = self.checked(path)
        assert len(findings) == 1
        assert findings[0].startswith("JL005 error This file is one JSON list")
        assert megabytes < 200

    def test_a_list_of_30_mb_is_mended(self, tmp_path):
        block = (HI.strip() + ", ").encode() * 1000
        path = self.write(tmp_path, b"[", block, 30 << 20, b"{}]\n")
        findings, megabytes = self.checked(path)
        assert len(findings) == 1
        assert megabytes < 1500
        assert all(orjson.loads(line) is not None for line in fixed(path).splitlines())

    @pytest.mark.parametrize(
        ("before", "block", "after"),
        [
            (b"[", b"0,", b"0]"),
            (b"[", b"NaN,", b"0]"),
            (b"[", b"[],", b"x]"),
            (b"", b"[", b""),
            (b"", b'{"a":1}', b""),
            (b"", b"{'a':1,}", b""),
            (b'{"a": "', b"\\ud83d", b'"}'),
            (b'{"a": "', b"\xff", b'"}'),
            (b'{"a": [', b'{"b":1,"b":2},', b"0]}"),
        ],
        ids=range(9),
    )
    def test_a_line_as_long_as_is_read(self, tmp_path, before, block, after):
        path = self.write(tmp_path, HI.encode() + before, block, 15 << 20, after + b"\n")
        findings, _ = self.checked(path)
        assert any(finding.startswith("JL0") for finding in findings)
