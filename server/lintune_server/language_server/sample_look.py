"""What is found in a sample that is edited as Markdown, in the places of that document; and its tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lintune_server.language_server.line_findings import LineFindings
from lintune_server.lint.findings import Finding, Severity
from lintune_server.sample_text import opening, placing, reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lintune_server.language_server.convert import Converter
    from lintune_server.language_server.datasets.reader import Reader
    from lintune_server.lint.sample import Line
    from lintune_server.sample_text.document import UnreadableError
    from lintune_server.sample_text.reading import Read


def unreadable(
    error: UnreadableError, markdown: str, converter: Callable[[Sequence[str]], Converter]
) -> dict[str, Any]:
    """A document that says no sample: where, and what to mend."""
    lines = markdown.split("\n")
    place = placing.whole(lines, min(error.line, len(lines) - 1), error.line + 1)
    finding = Finding("", "", Severity.ERROR, error.message, place)
    return {"line": None, "diagnostics": [converter(lines).as_json(finding)], "parts": [], "summary": None}


def look(
    reader: Reader,
    text: str,
    markdown: str,
    converter: Callable[[Sequence[str]], Converter],
    path: Path | None,
) -> dict[str, Any]:
    """text: the line that the document says."""
    lines = markdown.split("\n")
    line = reader.line(text)
    read = reading.read(markdown, opening.grammar_of(opening.sample_of(text), reader.layout))
    checker = LineFindings(path or Path("sample.jsonl"), reader.context)
    found = checker.check({0: text}, reader.head)[0]
    as_json = converter(lines).as_json
    diagnostics = []
    for one in found:
        columns = one.range.start.column, one.range.end.column if one.range.end.line == 0 else len(text)
        place = placing.in_document(read, lines, text, columns)
        diagnostics.append(as_json(Finding(one.code, one.name, one.severity, one.message, place)))
    return {"diagnostics": diagnostics, "parts": list(_parts(line, read)), "summary": _summary(line, reader)}


def _parts(line: Line, read: Read) -> list[dict[str, Any]]:
    """The tokens under each heading."""
    tokenized, conversation = line.tokenized, line.conversation
    if tokenized is None or conversation is None:
        return []
    parts = []
    for turn, tokens in zip(conversation.turns, tokenized.turn_tokens(), strict=False):
        heading = read.headings.get(turn.path, read.headings.get(turn.path[:-1], read.headings.get(turn.path[:2])))
        if heading is not None:
            parts.append({"line": heading, "tokens": tokens, "learned": turn.trained})
    return parts


def _summary(line: Line, reader: Reader) -> dict[str, Any] | None:
    if line.measured is None:
        return None
    recipe = reader.context.recipe
    _, tokens, learned = line.measured
    return {"tokens": tokens, "learned": learned, "limit": recipe.sequence_len if recipe else None}
