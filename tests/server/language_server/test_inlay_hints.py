"""Tokens of samples, before each line that is asked about, by the demo model's real tokenizer."""

import json
from pathlib import Path

import pytest
from lsprotocol import types

from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


def lines(first: int, last: int) -> types.Range:
    """From the beginning of a line to the end of another."""
    return types.Range(types.Position(first, 0), types.Position(last, 10_000))


async def hints(editor: Editor, path: Path, range_: types.Range) -> dict[int, str]:
    """The label on each line, all of them before its first character."""
    found = await editor.client.text_document_inlay_hint_async(
        types.InlayHintParams(types.TextDocumentIdentifier(path.as_uri()), range_)
    )
    assert all(hint.position.character == 0 and hint.padding_right for hint in found or [])
    return {hint.position.line: str(hint.label) for hint in found or []}


async def hints_until_known(editor: Editor, path: Path, range_: types.Range) -> dict[int, str]:
    """As an editor does: ask, and ask again when the server says so."""
    refreshed = editor.refreshed
    found = await hints(editor, path, range_)
    if not found:
        await editor.until(lambda: editor.refreshed > refreshed)
        found = await hints(editor, path, range_)
    return found


async def test_tokens_and_what_is_learned_of_each_sample(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path)
    assert await hints_until_known(editor, path, lines(0, 2)) == {
        0: "36 tokens, 2 learned",
        1: "36 tokens, 2 learned",
    }


async def test_only_lines_that_are_asked_about(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, path.read_text() * 20)
    assert len(await hints_until_known(editor, path, lines(0, 40))) == 40
    assert list(await hints(editor, path, lines(5, 7))) == [5, 6, 7]
    up_to_line_7 = types.Range(types.Position(5, 30), types.Position(7, 0))
    assert list(await hints(editor, path, up_to_line_7)) == [5, 6]
    assert list(await hints(editor, path, lines(38, 4_000))) == [38, 39]
    assert await hints(editor, path, lines(400, 4_000)) == {}
    backwards = types.Range(types.Position(7, 0), types.Position(5, 0))
    assert await hints(editor, path, backwards) == {}


async def test_lines_that_are_no_samples_have_none(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    sample = path.read_text().splitlines()[0]
    odd = ["", "{broken", "[]", '{"a": 1}', '{"messages": []}', '{"messages": "']
    text = "\r\n".join(["\ufeff" + sample, *odd, sample])
    editor.open(path, text)
    assert list(await hints_until_known(editor, path, lines(0, 9))) == [0, 7]


async def test_hints_follow_edits_and_the_saved_recipe(editor: Editor, workspace: Path) -> None:
    path, recipe = workspace / "train.jsonl", workspace / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("train_on_save: true", "train_on_save: false"))
    editor.open(path)
    editor.open(recipe)
    await hints_until_known(editor, path, lines(0, 0))
    editor.replace(path, '"ON"', '"ON 😀😀"')
    (longer,) = (await hints(editor, path, lines(0, 0))).values()
    assert longer != "36 tokens, 2 learned"
    refreshed = editor.refreshed
    editor.replace(recipe, "sequence_len: 256", "sequence_len: 36")
    editor.save(recipe)
    await editor.until(lambda: editor.refreshed > refreshed)
    marked = await hints_until_known(editor, path, lines(0, 1))
    assert marked[0] == f"⚠ {longer.split()[0]} of 36 tokens, {longer.split()[2]} learned"
    assert marked[1] == "36 tokens, 2 learned", "no more than there may be"


async def test_clients_that_cannot_be_told_to_ask_again_get_theirs_at_once(workspace: Path) -> None:
    def never_again(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.workspace
        capabilities.workspace.inlay_hint = None

    editor = Editor()
    try:
        await editor.start(workspace, adjust=never_again)
        path = workspace / "train.jsonl"
        editor.open(path)
        assert list(await hints(editor, path, lines(0, 2))) == [0, 1]
        assert editor.refreshed == 0
    finally:
        await editor.leave()


async def test_counts_are_those_of_the_analysis(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    texts = ["Licht an", "灯を消して 👩‍👩‍👧", "x" * 500, "<|im_end|>", "a\\nb\\u00e9", "Tschüß"] * 20
    samples = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": text * (n % 7)},
                    {"role": "assistant", "content": f"{text} {n}"},
                ]
            },
            ensure_ascii=n % 2 == 0,
        )
        for n, text in enumerate(texts, 1)
    ]
    editor.open(path, "\n".join(samples))
    found = await hints_until_known(editor, path, lines(0, 1_000))
    linter = DatasetLinter(path, context_for(path))
    for number, sample in enumerate(samples):
        inspection = linter.inspect(sample)
        assert inspection
        assert inspection.tokenized
        tokens, learned = len(inspection.tokenized.ids), inspection.tokenized.trained_tokens
        of = f"⚠ {tokens:,} of 256" if tokens > 256 else f"{tokens:,}"
        assert found[number] == f"{of} tokens, {learned:,} learned"


async def test_without_a_tokenizer_and_in_other_documents(editor: Editor, workspace: Path, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere" / "a.jsonl"
    editor.open(alone, '{"prompt": "a", "completion": "b"}\n')
    assert await hints(editor, alone, lines(0, 0)) == {}
    recipe = workspace / "recipe.yaml"
    editor.open(recipe)
    assert await hints(editor, recipe, lines(0, 5)) == {}
    assert await hints(editor, workspace / "closed.jsonl", lines(0, 5)) == {}
    empty = workspace / "empty.jsonl"
    editor.open(empty, "")
    assert await hints(editor, empty, lines(0, 5)) == {}
