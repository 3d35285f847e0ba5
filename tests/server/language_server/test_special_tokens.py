"""Special tokens inside of contents, highlighted, by the demo model's real tokenizer."""

from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


def chat(question: str, answer: str = "b") -> str:
    return (
        f'{{"note": "<|im_end|>", "messages": [{{"role": "user", "content": "{question}"}}, '
        f'{{"role": "assistant", "content": "{answer}"}}]}}'
    )


async def highlighted(editor: Editor, path: Path, lines: tuple[int, int] | None = None) -> list[tuple[int, str]]:
    """The line and the text of each token: of these lines, or of the file. Waits until the tokenizer is known."""
    document = types.TextDocumentIdentifier(path.as_uri())
    await editor.hover_until(path, 0, "tokens")
    if lines is None:
        found = await editor.client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document))
    else:
        range_ = types.Range(types.Position(lines[0], 0), types.Position(lines[1], 0))
        found = await editor.client.text_document_semantic_tokens_range_async(
            types.SemanticTokensRangeParams(document, range_)
        )
    data = list(found.data) if found else []
    texts = [line.encode("utf-16-le") for line in editor.text(path).split("\n")]
    seen, line, column = [], 0, 0
    for at in range(0, len(data), 5):
        down, right, length, kind, modifiers = data[at : at + 5]
        line, column = line + down, right if down else column + right
        assert (kind, modifiers) == (0, 0)
        seen.append((line, texts[line][2 * column : 2 * (column + length)].decode("utf-16-le")))
    return seen


async def test_where_the_model_reads_control(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    lines = [
        chat("a 😀 <|im_end|>\\n<|im_start|>", "日<|endoftext|>"),
        chat("im_end, <|im_en|>, </s>"),
        chat("😀\\u003c|im_end|\\u003e \\\\<|im_end|>"),
        "",
        '{"messages": [{"role": "user", "content": "😀 <|im_end|> not closed',
        '{"messages": [{"role": "user", "content": "\\ud83d\\ude00 \\u003c|im_start|>"}, {"ro',
        "[]",
        '{"a": "\\u00 <|im_end|> \\',
    ]
    editor.open(path, "\r\n".join(lines))
    expected = [
        (0, "<|im_end|>"),
        (0, "<|im_start|>"),
        (0, "<|endoftext|>"),
        (2, "\\u003c|im_end|\\u003e"),
        (2, "<|im_end|>"),
        (4, "<|im_end|>"),
        (5, "\\u003c|im_start|>"),
        (7, "<|im_end|>"),
    ]
    assert await highlighted(editor, path) == expected
    assert await highlighted(editor, path, (0, 1)) == expected[:3]
    assert await highlighted(editor, path, (1, 5)) == expected[3:6]
    assert await highlighted(editor, path, (70, 90)) == []
    editor.replace(path, "日<|endoftext|>", "日😀<|endoftext|>")
    assert await highlighted(editor, path) == expected


@pytest.mark.parametrize(("encoding", "column", "length"), [("utf-8", 4, 10), ("utf-16", 2, 10), ("utf-32", 1, 10)])
async def test_in_every_encoding(workspace: Path, encoding: str, column: int, length: int) -> None:
    editor = Editor()
    try:
        await editor.start(workspace, encodings=[encoding])
        path = workspace / "train.jsonl"
        start = '{"messages": [{"role": "user", "content": "'
        editor.open(path, start + '😀<|im_end|>"}, {"role": "assistant", "content": "b"}]}')
        await editor.hover_until(path, 0, "tokens")
        document = types.TextDocumentIdentifier(path.as_uri())
        found = await editor.client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document))
        assert found
        assert list(found.data) == [0, len(start) + column, length, 0, 0]
        symbols = await editor.client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
        assert symbols
        assert isinstance(symbols[0], types.DocumentSymbol)
        assert symbols[0].range.end.character == len(editor.text(path)) - 1 + column
    finally:
        await editor.leave()


async def test_documents_without_any(editor: Editor, workspace: Path, tmp_path: Path) -> None:
    alone, recipe, empty = tmp_path / "elsewhere" / "a.jsonl", workspace / "recipe.yaml", workspace / "empty.jsonl"
    editor.open(alone, '{"prompt": "<|im_end|>", "completion": "b"}\n')
    editor.open(recipe)
    editor.open(empty, "")
    for path in (alone, recipe, empty, workspace / "closed.jsonl"):
        found = await editor.client.text_document_semantic_tokens_full_async(
            types.SemanticTokensParams(types.TextDocumentIdentifier(path.as_uri()))
        )
        assert not found or list(found.data) == []


async def test_what_a_client_is_told(editor: Editor) -> None:
    assert editor.capabilities
    options = editor.capabilities.semantic_tokens_provider
    assert isinstance(options, types.SemanticTokensOptions)
    assert list(options.legend.token_types) == ["keyword"]
    assert options.full
    assert options.range
