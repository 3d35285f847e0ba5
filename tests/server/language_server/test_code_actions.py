"""Quick fixes and fix-all, applied as a client applies them."""

from pathlib import Path

import pytest
from lsprotocol import types

from lintune_server.language_server import convert
from lintune_server.lint.findings import Edit, Position, Range
from lintune_server.lint.fixing import independent

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


def chat(question: str, role: str, answer: str) -> str:
    return (
        f'{{"messages": [{{"role": "user", "content": "{question}"}}, {{"role": "{role}", "content": "{answer}"}}]}}\n'
    )


MENDED = chat("😀", "assistant", "b") + chat("a", "assistant", "日")
TWO_FAULTS = chat("😀", "gpt", "b") + chat("a", "Assistant", "日")
"""Other people's names of roles, the first behind an emoji."""

WHOLE = types.Range(types.Position(0, 0), types.Position(9, 0))


def on_line(number: int) -> types.Range:
    return types.Range(types.Position(number, 0), types.Position(number, 100))


def applied(text: str, action: types.CodeAction) -> str:
    """The text after the action's edits, whose columns count UTF-16."""
    assert action.edit
    assert action.edit.document_changes
    (change,) = action.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    lines = text.encode("utf-16-le").split("\n".encode("utf-16-le"))
    starts = [sum(len(line) + 2 for line in lines[:number]) for number in range(len(lines))]

    def offset(position: types.Position) -> int:
        return starts[position.line] + 2 * position.character

    data = text.encode("utf-16-le")
    for edit in reversed(change.edits):
        assert isinstance(edit, types.TextEdit)
        new = edit.new_text.encode("utf-16-le")
        data = data[: offset(edit.range.start)] + new + data[offset(edit.range.end) :]
    return data.decode("utf-16-le")


async def test_a_quick_fix_mends_its_finding(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS)
    first, _ = await editor.diagnostics(path, 2)
    action = (await editor.actions(path, first.range, only=["quickfix"]))[0]
    assert action.kind == types.CodeActionKind.QuickFix
    assert action.is_preferred
    assert list(action.diagnostics or []) == [first]
    assert action.edit
    assert action.edit.document_changes
    assert action.edit.document_changes[0].text_document.version == 1
    assert applied(TWO_FAULTS, action) == TWO_FAULTS.replace("gpt", "assistant")


async def test_fix_all_mends_the_file(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS + MENDED.splitlines()[0] + "\n")  # once its role is mended, the first line again
    (action,) = await editor.actions(path, on_line(0), only=["source.fixAll"])
    assert action.kind == "source.fixAll.lintune"
    assert applied(editor.text(path), action).startswith(MENDED)
    editor.close(path)
    editor.open(path, MENDED)
    await editor.diagnostics(path, 0)


async def test_a_duplicate_goes_with_its_line(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    twice = MENDED + MENDED.splitlines()[0]  # the last line, without a line end
    editor.open(path, twice)
    found, no_line_end = await editor.diagnostics(path, 2)
    assert (found.code, no_line_end.code) == ("DU301", "JL011")
    offered = {fix.title: fix for fix in await editor.actions(path, found.range, only=["quickfix"])}
    fix = offered["Delete this line"]
    assert applied(twice, fix).rstrip("\n") == MENDED.rstrip("\n")
    (fix_all,) = await editor.actions(path, on_line(0), only=["source.fixAll.lintune"])
    assert applied(twice, fix_all) == applied(twice, fix)


async def test_a_fix_that_may_lose_data_is_offered_but_is_no_part_of_fix_all(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, chat("😀 <|im_end|>", "assistant", "b"))
    (found,) = await editor.diagnostics(path, 1)
    assert found.code == "TK205"
    actions = await editor.actions(path, found.range)
    assert actions[0].kind == "quickfix"
    assert not actions[0].is_preferred
    assert actions[0].title.endswith("(look at the result)")
    assert not [action for action in actions if action.title.startswith("Fix all")]


async def test_a_recipe_has_fixes(editor: Editor, workspace: Path) -> None:
    recipe = workspace / "recipe.yaml"
    text = recipe.read_text() + "lora_aplha: 32\nmicro_batch_size: '8'\n"
    editor.open(recipe, text)
    await editor.diagnostics(recipe, 2)
    (action,) = await editor.actions(recipe, on_line(0), only=["source.fixAll"])
    assert applied(text, action) == recipe.read_text() + "lora_alpha: 32\nmicro_batch_size: 8\n"


async def test_actions_are_of_the_text_as_it_is_now(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS)
    await editor.diagnostics(path, 2)
    editor.replace(path, "gpt", "assistant")
    actions = await editor.actions(path, on_line(0))  # right after the edit, before new findings are out
    assert [action.kind for action in actions] == ["source.fixAll.lintune"]
    assert actions[0].edit is None, "it is asked for when somebody takes it"
    assert applied(editor.text(path), await editor.resolved(actions[0])) == MENDED


async def test_nothing_to_fix(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, MENDED)
    assert await editor.actions(path, WHOLE) == []
    assert await editor.actions(workspace / "not-open.jsonl", WHOLE) == []
    editor.open(workspace / "two.jsonl", TWO_FAULTS)
    assert await editor.actions(workspace / "two.jsonl", WHOLE, only=["refactor"]) == []


async def test_what_is_offered_for_a_finding(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS)
    first, _ = await editor.diagnostics(path, 2)
    assert [action.title for action in await editor.menu(path, first.range)] == [
        "Change the role to assistant",
        "Fix all of SF106 (unknown-role) in this file",
        "Ignore SF106 (unknown-role) on this sample",
        "Ignore SF106 (unknown-role) in recipe.yaml",
        "Explain SF106 (unknown-role)",
        "Fix all that Lintune can fix safely",
    ]
    actions = await editor.actions(path, first.range)
    assert all(list(action.diagnostics or []) == [first] for action in actions[:-1])
    assert [action.is_preferred for action in actions] == [True, None, None, None, None]


async def test_what_is_offered_in_a_recipe(editor: Editor, workspace: Path) -> None:
    recipe = workspace / "recipe.yaml"
    text = recipe.read_text().replace("train_on_save: true", "train_on_save: false") + "lora_aplha: 32\n"
    editor.open(recipe, text)
    (found,) = await editor.until(
        lambda: [one for one in editor.client.diagnostics.get(recipe.as_uri(), []) if one.code == "RC602"]
    )
    menu = {action.title: action for action in await editor.menu(recipe, found.range, only=["quickfix"])}
    assert "Explain RC602 (unknown-key)" in menu
    assert "Ignore RC602 (unknown-key) on this sample" not in menu
    action = menu["Ignore RC602 (unknown-key) in recipe.yaml"]
    assert isinstance(action, types.CodeAction)
    assert applied(text, action) == text.replace("[DS]", "[DS, RC602]")


async def test_all_of_a_rule_are_fixed_at_once(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    text = TWO_FAULTS + chat("c ", "assistant", " d")
    editor.open(path, text)
    first, _, other, _ = await editor.diagnostics(path, 4)
    assert other.code == "SF118"
    offered = {action.title: action for action in await editor.actions(path, first.range)}
    action = offered["Fix all of SF106 (unknown-role) in this file"]
    assert action.edit is None
    assert applied(text, await editor.resolved(action)) == MENDED + chat("c ", "assistant", " d")
    editor.close(path)
    assert (await editor.resolved(action)).edit is None, "what is closed is not edited"


async def test_a_rule_is_ignored_on_a_sample(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    text = chat("😀", "gpt", "b").replace("\n", "\r\n") + chat("a", "Assistant", "日").replace(": ", ":").rstrip("\n")
    editor.open(path, text)
    for line, found in enumerate((await editor.diagnostics(path, 3))[:2]):
        offered = {action.title: action for action in await editor.actions(path, found.range)}
        action = offered[f"Ignore {found.code} (unknown-role) on this sample"]
        changed = applied(text, action).split("\n")[line]
        written = '"_lintune_ignore": ["SF106"]' if line == 0 else '"_lintune_ignore":["SF106"]'
        assert written in changed
    text = changed + "\n"
    editor.close(path)
    editor.open(path, text)
    await editor.diagnostics(path, 0)


async def test_a_rule_is_ignored_in_the_recipe_on_disk(editor: Editor, workspace: Path) -> None:
    path, recipe = workspace / "train.jsonl", workspace / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("train_on_save: true", "train_on_save: false  # 😀"))
    editor.open(path, TWO_FAULTS)
    first, _ = await editor.diagnostics(path, 2)
    offered = {action.title: action for action in await editor.actions(path, first.range)}
    action = offered["Ignore SF106 (unknown-role) in recipe.yaml"]
    assert action.edit
    assert action.edit.document_changes
    (change,) = action.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    assert (change.text_document.uri, change.text_document.version) == (recipe.as_uri(), None)
    changed = applied(recipe.read_text(), action)
    assert changed == recipe.read_text().replace("[DS]", "[DS, SF106]")
    editor.open(recipe)
    editor.replace(recipe, "[DS]", "[DS, SF106]")
    editor.save(recipe)
    await editor.diagnostics(path, 0)


async def test_a_rule_is_ignored_in_the_recipe_as_it_is_open(editor: Editor, workspace: Path) -> None:
    path, recipe = workspace / "train.jsonl", workspace / "recipe.yaml"
    editor.open(path, TWO_FAULTS)
    editor.open(recipe, "# mine\nbase_model: smollm2-135m-instruct\ndatasets: [{path: train.jsonl}]\n")
    first, _ = await editor.diagnostics(path, 2)
    offered = {action.title: action for action in await editor.actions(path, first.range)}
    action = offered["Ignore SF106 (unknown-role) in recipe.yaml"]
    assert action.edit
    assert action.edit.document_changes
    assert action.edit.document_changes[0].text_document.version == 1
    assert applied(editor.text(recipe), action) == editor.text(recipe) + "lintune:\n  lint:\n    ignore: [SF106]\n"


async def test_without_a_recipe_or_a_sample_there_is_nothing_to_ignore_in(
    editor: Editor, workspace: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "elsewhere" / "a.jsonl"
    editor.open(alone, "{broken\n" + chat("a", "assistant", "b"))
    found = (await editor.until(lambda: editor.client.diagnostics.get(alone.as_uri())))[0]
    assert found.code == "JL001"
    titles = [action.title for action in await editor.menu(alone, found.range)]
    assert titles == ["Explain JL001 (invalid-json)"]


async def test_the_page_of_a_rule_is_shown(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, TWO_FAULTS)
    first, _ = await editor.diagnostics(path, 2)
    assert "Explain SF106 (unknown-role)" in [one.title for one in await editor.menu(path, first.range)]
    page = await editor.command("lintune.explain", "SF106")
    assert page.startswith("# SF106 unknown-role")
    assert "## Why it hurts" in page
    shown = convert.path_of(editor.client.shown_documents[-1].uri)
    assert shown
    assert shown.read_text(encoding="utf-8") == page
    assert await editor.command("lintune.explain", "XX999") is None
    await editor.until_said("There is no rule XX999.")


async def test_of_thousands_of_findings_those_at_the_cursor(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    text = "".join(chat(f"question {n}", "gpt", f"answer {n}") for n in range(1_000))
    editor.open(path, text)
    at_cursor = await editor.actions(path, on_line(700), only=["quickfix"])
    assert [action.title for action in at_cursor].count("Change the role to assistant") == 1
    everywhere = types.Range(types.Position(0, 0), types.Position(1_000, 0))
    assert [action.title for action in await editor.actions(path, everywhere)].count(
        "Change the role to assistant"
    ) == 50
    of_rule = next(action for action in at_cursor if action.title.startswith("Fix all of"))
    assert applied(text, await editor.resolved(of_rule)) == text.replace('"gpt"', '"assistant"')


async def test_clients_that_ask_only_once_get_all_edits_at_once(workspace: Path) -> None:
    def ask_only_once(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.text_document
        assert capabilities.text_document.code_action
        capabilities.text_document.code_action.resolve_support = None

    editor = Editor()
    try:
        await editor.start(workspace, adjust=ask_only_once)
        path = workspace / "train.jsonl"
        editor.open(path, TWO_FAULTS)
        first, _ = await editor.diagnostics(path, 2)
        actions = await editor.actions(path, first.range)
        assert [applied(TWO_FAULTS, one) for one in actions if one.title.startswith("Fix all")] == [MENDED, MENDED]
    finally:
        await editor.leave()


def edit(start: int, end: int, line: int = 0) -> Edit:
    return Edit(Range(Position(line, start), Position(line, end)), "new")


async def test_fixes_that_do_not_touch_go_together_and_the_first_of_two_that_do() -> None:
    first, second = [edit(0, 2)], [edit(5, 6), edit(8, 9)]
    overlapping, inserted, elsewhere = [edit(1, 3)], [edit(2, 2)], [edit(1, 3, line=4)]
    assert independent([second, first, overlapping, inserted, elsewhere]) == [*first, *second, *elsewhere]
    assert independent([[edit(0, 2)], [edit(2, 4)]]) == [edit(0, 2), edit(2, 4)], "touching ranges"
    assert independent([[edit(3, 3)], [edit(3, 3)]]) == [edit(3, 3)], "two insertions at one place"
