"""`lintune convert`: what it writes, what it says, what it refuses."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING

import pytest

from .command import Command, lintune

if TYPE_CHECKING:
    from pathlib import Path

PAIR = '{"prompt": "Hi", "completion": "Hello!"}'
SHAREGPT = '{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}], "score": 1.50}'


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_list(run: Command):
    run.write("a.json", f"[\n  {PAIR},\n  {PAIR}\n]\n")
    printed = run("convert", "a.json")
    assert (printed.code, printed.out, printed.err) == (0, "", "a.json (JSON): 2 samples into a.jsonl.\n")
    assert (run.folder / "a.jsonl").read_text() == f"{PAIR}\n{PAIR}\n"
    assert files(run.folder) == ["a.json", "a.jsonl"]
    assert run("check", "a.jsonl", "--select", "JL").code == 0


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.csv", b"prompt,completion\nHi,Hello!\n", "a CSV file"),
        ("a.tsv", b"prompt\tcompletion\r\nHi\tHello!\r\n", "a TSV file"),
        ("a.txt", b"prompt;completion\nHi;Hello!\n", "a CSV file"),
        ("a.json", f"[{PAIR}]".encode("utf-16"), "JSON, UTF-16"),
        ("a.json.gz", gzip.compress(f"[{PAIR}]".encode()), "JSON"),
        ("a.csv.gz", gzip.compress(b"prompt,completion\nHi,Hello!\n"), "a CSV file"),
        ("a.ndjson.gz", gzip.compress(f"{PAIR}\n".encode()), "JSON"),
    ],
)
def test_what_a_file_is_is_found_out(run: Command, name: str, data: bytes, what: str):
    (run.folder / name).write_bytes(data)
    printed = run("convert", name)
    assert (printed.code, printed.err) == (0, f"{name} ({what}): 1 sample into a.jsonl.\n")
    assert (run.folder / "a.jsonl").read_text() == f"{PAIR}\n"


def test_another_encoding(run: Command):
    path = run.folder / "a.csv"
    path.write_bytes("prompt,completion\nCafé,naïf\nà,é\n".encode("cp1252"))
    assert "(a CSV file, Windows-1252)" in run("convert", "a.csv").err
    assert '"Café"' in (run.folder / "a.jsonl").read_text(encoding="utf-8")
    path.write_bytes("prompt,completion\nпривет,мир\n".encode("cp866"))
    run("convert", "a.csv", "--force", "--encoding", "cp866")
    assert '"привет"' in (run.folder / "a.jsonl").read_text(encoding="utf-8")


def test_bytes_that_are_no_characters_are_named(run: Command):
    (run.folder / "a.json").write_bytes(b"[" + b",\n".join([PAIR.encode()] * 40_000) + b',\n{"prompt": "\xff"}]')
    printed = run("convert", "a.json")
    assert printed.code == 1
    assert printed.err.startswith("a.json:40001: not converted: it holds bytes that are not utf-8.\n")


def test_what_cannot_be_converted_is_listed(run: Command):
    run.write("a.json", f"[{PAIR},\n" + "5,\n" * 30 + f"{PAIR}]")
    printed = run("convert", "a.json")
    lines = printed.err.splitlines()
    assert printed.code == 1
    assert lines[0] == "a.json:2:1: not converted: a sample is an object, and this is the number 5."
    assert lines[20:] == [
        "and 10 more: --max-listed 0 lists them all.",
        "a.json (JSON): 2 samples into a.jsonl. Not converted: 30.",
    ]
    assert len(run("convert", "a.json", "--force", "--max-listed", "0").err.splitlines()) == 31


def test_when_nothing_can_be_converted_nothing_is_written(run: Command):
    run.write("a.json", "[1, 2]")
    printed = run("convert", "a.json")
    assert printed.code == 1
    assert printed.err.endswith("a.json (JSON): no sample could be converted, and nothing was written.\n")
    assert files(run.folder) == ["a.json"]


def test_to_messages(run: Command):
    run.write("a.jsonl", f'{SHAREGPT}\n{PAIR}\n{{"text": "raw"}}\n{{"conversations": [{{"from": "x"}}]}}\n')
    printed = run("convert", "a.jsonl", "--to", "messages")
    assert printed.code == 1
    assert printed.err.splitlines() == [
        "a.jsonl:3: not converted: raw text has no turns of user and assistant: it cannot be written as messages.",
        "a.jsonl:4: not converted: it is no sound sharegpt sample: lintune check says what is wrong with it.",
        "a.jsonl (JSON): 2 samples into a.messages.jsonl. Not converted: 2.",
    ]
    turns = '"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello!"}]'
    assert (run.folder / "a.messages.jsonl").read_text() == f'{{{turns},"score":1.50}}\n{{{turns}}}\n'


def test_to_standard_output(tmp_path: Path):
    (tmp_path / "a.json").write_text(f"[{PAIR}]")
    ended = lintune("convert", "a.json", "-o", "-", cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{PAIR}\n", "a.json (JSON): 1 sample.\n")


def test_nothing_is_overwritten_unasked(run: Command):
    run.write("a.json", f"[{PAIR}]")
    run.write("a.jsonl", "old\n")
    printed = run("convert", "a.json")
    assert (printed.code, "overwrite it with --force" in printed.err) == (2, True)
    assert (run.folder / "a.jsonl").read_text() == "old\n"
    assert run("convert", "a.json", "--force").code == 0
    assert (run.folder / "a.jsonl").read_text() == f"{PAIR}\n"


def test_a_file_is_never_written_over_itself(run: Command):
    run.write("a.json", f"[{PAIR}]")
    (run.folder / "link.jsonl").symlink_to("a.json")
    for target in ("a.json", "link.jsonl", run.folder / "a.json"):
        printed = run("convert", "a.json", "-o", target, "--force")
        assert (printed.code, "is the file itself" in printed.err) == (2, True)
    assert (run.folder / "a.json").read_text() == f"[{PAIR}]"


def test_json_lines_get_another_name(run: Command):
    run.write("a.jsonl", f"[{PAIR}]")
    assert run("convert", "a.jsonl").code == 0
    assert (run.folder / "a.converted.jsonl").read_text() == f"{PAIR}\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"[]", "There is no sample in a.json"),
        (b"\x00\x01\x02\xff" * 2000, "it is binary"),
        (b"<!DOCTYPE html><html></html>", "it is a web page"),
        (b"%PDF-1.7\n", "it is a PDF document"),
        (b"PK\x03\x04rest", "a spreadsheet"),
        (b"Dear all,\nnothing happened.\nYours\n", "neither JSON nor a table"),
        (gzip.compress(b"[1]" * 10_000)[:20], "broken at its beginning"),
        (b'[{"role": "user", "content": "a"}]', "holds messages, not samples"),
        (b"PAR1", "no sound Parquet file"),
    ],
)
def test_files_that_cannot_be_converted(run: Command, data: bytes, said: str):
    if data == b"PAR1":
        pytest.importorskip("pyarrow")
    (run.folder / "a.json").write_bytes(data)
    printed = run("convert", "a.json")
    assert (printed.code, printed.out) == (2, "")
    assert printed.err.startswith("lintune: ")
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert files(run.folder) == ["a.json"]


def test_an_archive_that_is_cut_off(run: Command):
    rows = "".join(f'{{"prompt": "{os.urandom(200).hex()}", "completion": "b"}}\n' for _ in range(8000))
    packed = gzip.compress(rows.encode())
    (run.folder / "a.jsonl.gz").write_bytes(packed[: len(packed) - 1000])
    printed = run("convert", "a.jsonl.gz")
    assert printed.code == 1
    assert "the gzip archive is broken from here on" in printed.err
    written = (run.folder / "a.jsonl").read_text()
    assert rows.startswith(written)
    assert written


def test_paths_that_cannot_be(run: Command):
    run.write("a.json", f"[{PAIR}]")
    (run.folder / "folder").mkdir()
    for words, said in {
        ("nope.json",): "There is no nope.json",
        ("folder",): "folder is a folder",
        ("/dev/null",): "is no file on disk",
        ("a.json", "-o", "folder"): "folder is a folder",
        ("a.json", "-o", "nope/a.jsonl"): "There is no folder nope",
    }.items():
        printed = run("convert", *words)
        assert (printed.code, said in printed.err) == (2, True), printed.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_without_permission(run: Command):
    path = run.write("a.json", f"[{PAIR}]")
    path.chmod(0)
    assert "Permission denied" in run("convert", "a.json").err
    path.chmod(0o644)
    run.folder.chmod(0o555)
    printed = run("convert", "a.json")
    run.folder.chmod(0o755)
    assert (printed.code, "cannot be written into" in printed.err) == (2, True)


def test_a_full_disk_leaves_nothing(run: Command, monkeypatch: pytest.MonkeyPatch):
    from lintune_server.conversion import converting

    run.write("a.json", f"[{PAIR}]")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(converting, "_write", full)
    printed = run("convert", "a.json")
    assert printed.code == 2
    assert printed.err.endswith("a.jsonl could not be written: No space left on device.\n")
    assert files(run.folder) == ["a.json"]


def test_flags_that_are_no_values(run: Command, capsys: pytest.CaptureFixture[str]):
    for words in (("--encoding", "base64"), ("--encoding", "x"), ("--delimiter", "ab"), ("--max-listed", "-1")):
        with pytest.raises(SystemExit) as ended:
            run("convert", "a.json", *words)
        assert ended.value.code == 2


def test_check_names_the_command(run: Command):
    run.write("a.csv", "prompt,completion\nHi,Hello!\n")
    assert "lintune convert a.csv" in run("check", "a.csv").err


def test_values_are_the_same_as_before(run: Command):
    values = [{"b": 1, "a": {"z": [None, True, "\u2028é🏠"], "y": -0.0}}, {"": ""}]
    run.write("a.json", json.dumps(values, indent=4, ensure_ascii=False))
    run("convert", "a.json")
    lines = (run.folder / "a.jsonl").read_text(encoding="utf-8").split("\n")
    assert [json.loads(line) for line in lines if line] == values
