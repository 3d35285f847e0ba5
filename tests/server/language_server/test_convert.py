"""Between findings and the protocol."""

from pathlib import Path

from lsprotocol import types

from lintune_server.language_server import convert
from lintune_server.language_server.text import Encoding
from lintune_server.lint.findings import Finding, Position, Range, Related, Severity


def at(start: int, end: int, line: int = 0) -> Range:
    return Range(Position(line, start), Position(line, end))


def test_paths_and_uris_with_odd_characters() -> None:
    path = Path("/data/größe #1/träin 100%.jsonl")
    assert convert.path_of(convert.uri_of(path)) == path
    assert convert.path_of("untitled:Untitled-1") is None
    assert convert.path_of("vscode-vfs://github/a/b.jsonl") is None
    assert convert.name_of("file:///a/my%20data.jsonl") == "my data.jsonl"


def test_a_finding_becomes_a_diagnostic() -> None:
    other = Path("/data/eval.jsonl")
    finding = Finding(
        "DU301", "duplicate", Severity.WARNING, "twice", at(1, 3), related=(Related(other, 6, "first here"),)
    )
    diagnostic = convert.Converter(["😀😀😀\n"], Encoding.UTF16).diagnostic(finding)
    assert diagnostic.range == types.Range(types.Position(0, 2), types.Position(0, 6))
    assert diagnostic.severity is types.DiagnosticSeverity.Warning
    assert diagnostic.related_information
    assert diagnostic.related_information[0].location.uri == other.as_uri()
    assert diagnostic.related_information[0].location.range.start.line == 6


def test_positions_beyond_the_text_are_at_its_end() -> None:
    converter = convert.Converter(["ab\n", "c"], Encoding.UTF16)
    assert converter.position(Position(7, 0)) == types.Position(1, 1)
    assert converter.position(Position(1, 99)) == types.Position(1, 1)
