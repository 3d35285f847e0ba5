"""Data sets in the outline, folded, and selected step by step."""

import json
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


def written(sample: Any) -> str:
    return json.dumps(sample, ensure_ascii=False)


def chat(system: str, question: str = "Lamp on", answer: str = "ON") -> str:
    turns = [("system", system), ("user", question), ("assistant", answer)]
    return written({"messages": [{"role": role, "content": text} for role, text in turns if text]})


CALL = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Licht\n\t an 😀"}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "lamp", "arguments": {}}}]},
        {"role": 7},
        "no message",
    ],
    "tools": [{"type": "function", "function": {"name": "lamp"}}],
}
PAIR = {"prompt": "😀 " * 100, "chosen": [{"role": "assistant", "content": "a"}], "rejected": "b"}


def identifier(path: Path) -> types.TextDocumentIdentifier:
    return types.TextDocumentIdentifier(path.as_uri())


async def symbols(editor: Editor, path: Path) -> list[types.DocumentSymbol]:
    found = await editor.client.text_document_document_symbol_async(types.DocumentSymbolParams(identifier(path)))
    assert all(isinstance(symbol, types.DocumentSymbol) for symbol in found or [])
    return list(found or [])  # type: ignore[arg-type]


def tree(symbol: types.DocumentSymbol) -> Any:
    below = [tree(child) for child in symbol.children or []]
    return (symbol.name, symbol.detail, below) if below else (symbol.name, symbol.detail)


def text_at(text: str, range_: types.Range) -> str:
    """What stands in a range of one line, whose columns count UTF-16."""
    assert range_.start.line == range_.end.line
    data = text.split("\n")[range_.start.line].encode("utf-16-le")
    return data[2 * range_.start.character : 2 * range_.end.character].decode("utf-16-le")


async def test_a_sample_a_symbol_with_its_messages_below(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    text = "\r\n".join([chat("Be brief.", "Lamp\non 😀"), "", "{broken", written(CALL), "[]", chat("", "", "")])
    editor.open(path, text)
    found = await symbols(editor, path)
    assert [tree(symbol) for symbol in found] == [
        ("Lamp on 😀", "chat", [("system", "Be brief."), ("user", "Lamp on 😀"), ("assistant", "ON")]),
        (
            "Licht an 😀",
            "chat",
            [("user", "Licht an 😀"), ("assistant", ""), ("(empty)", ""), ("(empty)", ""), ("tools", "1")],
        ),
        ("(empty)", "chat", [("messages", "0")]),
    ]
    assert [symbol.range.start.line for symbol in found] == [0, 3, 5]
    lamp = (found[0].children or [])[1]
    assert text_at(text, lamp.range) == written({"role": "user", "content": "Lamp\non 😀"})
    assert text_at(text, found[0].range) == text.split("\r\n")[0]


async def test_other_formats(editor: Editor, workspace: Path) -> None:
    path = workspace / "other.jsonl"
    samples = [
        PAIR,
        {"instruction": "Translate", "input": "house", "output": "Haus"},
        {"segments": [{"label": False, "text": "<s>a"}, {"label": True, "text": "b"}]},
        {"text": "a text"},
        {"note": 1, "title": "unknown"},
    ]
    editor.open(path, "".join(f"{written(sample)}\n" for sample in samples))
    long = f"{'😀 ' * 29}😀…"
    assert [tree(symbol) for symbol in await symbols(editor, path)] == [
        (long, "preference", [("prompt", long), ("chosen", "1 message", [("assistant", "a")]), ("rejected", "b")]),
        ("Translate", "alpaca", [("instruction", "Translate"), ("input", "house"), ("output", "Haus")]),
        ("<s>a", "input_output", [("read", "<s>a"), ("learned", "b")]),
        ("a text", "text", [("text", "a text")]),
        ("unknown", "unknown format"),
    ]


async def test_keys_that_the_recipe_names(editor: Editor, workspace: Path) -> None:
    recipe, path = workspace / "recipe.yaml", workspace / "train.jsonl"
    keys = "    type: {field_instruction: question, field_output: reply}\n"
    recipe.write_text(recipe.read_text().replace("path: train.jsonl\n", f"path: train.jsonl\n{keys}"))
    editor.open(path, '{"note": "a", "question": "Why 😀?", "reply": "So"}\n')
    assert [tree(symbol) for symbol in await symbols(editor, path)] == [
        ("Why 😀?", "alpaca", [("question", "Why 😀?"), ("reply", "So")])
    ]


async def test_long_files_have_an_end(editor: Editor, workspace: Path) -> None:
    path = workspace / "long.jsonl"
    editor.open(path, "".join(f"{chat('', f'question {n}')}\n" for n in range(2_000)))
    found = await symbols(editor, path)
    assert len(found) == 1_001
    assert found[999].name == "question 999"
    assert not found[0].children
    assert (found[-1].name, found[-1].range.start.line, found[-1].range.end.line) == (
        "… and 1,001 more lines",
        1_000,
        2_000,
    )


async def test_clients_that_know_no_trees_get_a_list(workspace: Path) -> None:
    def flat(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.text_document
        assert capabilities.text_document.document_symbol
        capabilities.text_document.document_symbol.hierarchical_document_symbol_support = False

    editor = Editor()
    try:
        await editor.start(workspace, adjust=flat)
        path = workspace / "train.jsonl"
        editor.open(path, chat("", "Lamp on"))
        found = await editor.client.text_document_document_symbol_async(types.DocumentSymbolParams(identifier(path)))
        assert [(one.name, getattr(one, "container_name", "?")) for one in found or []] == [
            ("Lamp on", None),
            ("user", "Lamp on"),
            ("assistant", "Lamp on"),
        ]
    finally:
        await editor.leave()


async def folds(editor: Editor, path: Path) -> list[tuple[int, int, str | None]]:
    found = await editor.client.text_document_folding_range_async(types.FoldingRangeParams(identifier(path)))
    return [(fold.start_line, fold.end_line, fold.collapsed_text) for fold in found or []]


async def test_neighbours_with_one_system_message_are_folded(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    parts = [*[chat("Be brief.\n😀")] * 3, *[chat("")] * 4, "", "{broken", *[chat("Be rude.")] * 2, chat("Be nice.")]
    editor.open(path, "\r\n".join(parts))
    assert await folds(editor, path) == [
        (0, 2, "3 samples: Be brief. 😀"),
        (3, 6, "4 samples: no system message"),
    ]
    editor.close(path)
    editor.open(path, "\n".join([chat("Be brief.")] * 50))
    assert await folds(editor, path) == [], "the file as a whole is no part of it"


async def test_neighbours_with_one_instruction_are_folded(editor: Editor, workspace: Path) -> None:
    path = workspace / "alpaca.jsonl"
    samples = [{"instruction": f"Task {n // 5}", "input": f"{n}", "output": "a"} for n in range(10)]
    samples += [{"instruction": f"Say {n}", "input": "", "output": "b"} for n in range(3)]
    editor.open(path, "".join(f"{written(sample)}\n" for sample in samples))
    assert await folds(editor, path) == [
        (0, 4, "5 samples: Task 0"),
        (5, 9, "5 samples: Task 1"),
        (10, 12, "3 samples: no system message"),
    ]


async def test_json_over_many_lines_is_folded_at_its_brackets(editor: Editor, workspace: Path) -> None:
    path = workspace / "pretty.jsonl"
    editor.open(path, json.dumps([{"text": "a ] } [ {"}, {"text": "b"}], indent=2))
    assert await folds(editor, path) == [(0, 6, None), (1, 2, None), (4, 5, None)]


async def selected(editor: Editor, path: Path, line: int, *columns: int) -> list[list[types.Range]]:
    """For each place what is selected step by step, from the innermost."""
    places = [types.Position(line, column) for column in columns]
    found = await editor.client.text_document_selection_range_async(
        types.SelectionRangeParams(identifier(path), places)
    )
    assert found is not None
    steps: list[list[types.Range]] = []
    for one in found:
        ranges, at = [], one
        while True:
            ranges.append(at.range)
            if at.parent is None:
                break
            at = at.parent
        steps.append(ranges)
    return steps


async def test_a_selection_grows_from_the_text_to_the_line(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    line = '\ufeff{"😀": [{"role": "user", "content": "a \\"b\\" 😀"}, 12]} '
    editor.open(path, f"{line}\r\n")
    column = len(line[: line.index("b\\")].encode("utf-16-le")) // 2
    (steps,) = await selected(editor, path, 0, column)
    assert [text_at(line, step) for step in steps] == [
        'a \\"b\\" 😀',
        '"a \\"b\\" 😀"',
        '"content": "a \\"b\\" 😀"',
        '{"role": "user", "content": "a \\"b\\" 😀"}',
        '[{"role": "user", "content": "a \\"b\\" 😀"}, 12]',
        line[2:-2],
        line[1:-1],
        line,
    ]
    key, number, end = await selected(editor, path, 0, 13, len(line) - 2, 999)
    assert text_at(line, key[0]) == "role"
    assert text_at(line, key[2]) == '"role": "user"'
    assert text_at(line, number[0]) == "12"
    assert [text_at(line, step) for step in end] == [line], "behind the JSON"


async def test_a_selection_on_a_line_that_is_no_json(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    line = '{"a": "one 😀 two", "b": "open'
    editor.open(path, line)
    in_text, in_open, at_brace = await selected(editor, path, 0, 9, len(line), 0)
    assert [text_at(line, step) for step in in_text] == ["one 😀 two", '"one 😀 two"', line]
    assert [text_at(line, step) for step in in_open] == ["open", '"open', line]
    assert [text_at(line, step) for step in at_brace] == [line]
    (outside,) = await selected(editor, path, 99, 5)
    assert outside == [types.Range(types.Position(99, 5), types.Position(99, 5))]


async def test_other_documents_have_nothing(editor: Editor, workspace: Path) -> None:
    closed, empty = workspace / "closed.jsonl", workspace / "empty.jsonl"
    editor.open(empty, "")
    for path in (closed, empty):
        assert await symbols(editor, path) == []
        assert await folds(editor, path) == []
    other = workspace / "notes.txt"
    editor.open(other, "a")
    assert await symbols(editor, other) == []
    assert await folds(editor, other) == []
