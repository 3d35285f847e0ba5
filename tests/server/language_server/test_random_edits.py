"""Whatever is typed, and whoever dies meanwhile: in the end the editor shows what `lintune check` finds in the text."""

import asyncio
import random
import re
from bisect import bisect_right
from pathlib import Path

import pytest
from lsprotocol import types

from lintune_server.analyst.selection import shown
from lintune_server.language_server.text import Encoding, split
from lintune_server.lint import checking
from lintune_server.lint.selection import Selection

from .editor import Editor
from .test_large_documents import analyst_of, large, sample

pytestmark = pytest.mark.long

STEPS = 60
Shown = list[tuple[str, str, int, int, int, int]]
PIECES: list[str | None] = [
    *("x", "é", "🏠", '"', "\\", "\n", "\r\n", "\r", "\n\n", "", "", "{", "}"),
    *(f"{sample(number)}\n" for number in (4, 4, 5, 90_000)),
    '{"messages": [{"role": "usr", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]}\r\n',
    None,  # many lines
]


def place(text: str, at: int) -> types.Position:
    starts = [0, *(end.end() for end in re.finditer(r"\r\n|\n|\r", text))]
    line = bisect_right(starts, at) - 1
    return types.Position(line, len(text[starts[line] : at].encode("utf-16-le")) // 2)


def random_edit(chosen: random.Random, text: str) -> tuple[int, int, str]:
    start = chosen.choice([chosen.randrange(len(text) + 1), chosen.randrange(500), len(text)])
    end = min(start + chosen.choice([0, 0, 0, 1, 3, 130, 400, 40_000]), len(text))
    start, end = (at - (text[at - 1 : at + 1] == "\r\n") for at in (start, end))  # no place is inside a line end
    piece, first = chosen.choice(PIECES), chosen.randrange(10_000, 1_000_000)
    return start, end, "".join(f"{sample(first + more)}\n" for more in range(700)) if piece is None else piece


def found(path: Path, text: str) -> Shown:
    """By `lintune check`."""
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    lines, units = split(text), Encoding.UTF16.units
    findings, left_out = shown(checking.check(path, None, Selection()).findings)
    assert not left_out
    return sorted(
        (
            one.code,
            one.message,
            one.range.start.line,
            units(lines[one.range.start.line], one.range.start.column),
            one.range.end.line,
            units(lines[one.range.end.line], one.range.end.column),
        )
        for one in findings
    )


def told(editor: Editor, path: Path) -> Shown:
    return sorted(
        (
            str(one.code),
            str(one.message),
            one.range.start.line,
            one.range.start.character,
            one.range.end.line,
            one.range.end.character,
        )
        for one in editor.client.diagnostics.get(path.as_uri(), [])
    )


@pytest.mark.parametrize(("seed", "kills"), [(1, 0), (2, 1), (3, 2)])  # the third one in a row is the last
async def test_random_edits(editor: Editor, workspace: Path, seed: int, kills: int) -> None:
    chosen = random.Random(seed)
    path = large(workspace)
    text = path.read_text(encoding="utf-8")
    other = workspace.parent / "other"
    other.mkdir()
    (other / "recipe.yaml").write_bytes((workspace / "recipe.yaml").read_bytes())
    editor.open(path)
    for version in range(2, STEPS):
        changes: list[types.TextDocumentContentChangeEvent] = []
        if chosen.random() < 0.1:
            changes.append(types.TextDocumentContentChangeWholeDocument(text))
        for _ in range(chosen.choice([1, 1, 1, 2, 3])):
            start, end, new = random_edit(chosen, text)
            range_ = types.Range(place(text, start), place(text, end))
            changes.append(types.TextDocumentContentChangePartial(range_, new))
            text = text[:start] + new + text[end:]
        document = types.VersionedTextDocumentIdentifier(uri=path.as_uri(), version=version)
        editor.client.text_document_did_change(types.DidChangeTextDocumentParams(document, changes))
        await asyncio.sleep(chosen.choice([0, 0, 0.01, 0.05, 0.2]))
        if kills and chosen.random() < 0.05 and (analyst := analyst_of(editor)):
            analyst.kill()
            kills -= 1
            await asyncio.sleep(chosen.choice([0, 0.01, 0.2]))
    expected = found(other / "train.jsonl", text)
    assert expected
    try:
        await editor.until(lambda: told(editor, path) == expected)
    except AssertionError:
        assert told(editor, path) == expected  # so that one sees what differs
        raise
