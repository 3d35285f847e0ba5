"""Clients that ask for diagnostics themselves: of a document, of what leaks into it, of the whole workspace."""

import asyncio
from pathlib import Path

from lsprotocol import types

from lintune_server.language_server import unopened

from .conftest import SAMPLES
from .editor import Editor

BROKEN = '{"messages": [{"role": "usr", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]}\n'


def eval_set(workspace: Path, text: str) -> Path:
    recipe = workspace / "recipe.yaml"
    recipe.write_text(
        recipe.read_text().replace("  train_on_save: true\n", "") + "test_datasets: [{path: eval.jsonl}]\n"
    )
    path = workspace / "eval.jsonl"
    path.write_text(text)
    return path


async def test_of_a_document(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, SAMPLES + BROKEN)
    report = await editor.pull(path)
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert [(one.code, one.range.start.line) for one in report.items] == [("SF106", 2)]
    again = await editor.pull(path, report.result_id)
    assert isinstance(again, types.RelatedUnchangedDocumentDiagnosticReport)
    assert again.result_id == report.result_id
    editor.replace(path, '"usr"', '"user"')
    mended = await editor.pull(path, report.result_id)
    assert isinstance(mended, types.RelatedFullDocumentDiagnosticReport)
    assert not mended.items


async def test_what_is_asked_for_is_not_pushed_as_well(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path, BROKEN + SAMPLES)
    await editor.diagnostics(path, 1)
    await editor.pull(path)
    await editor.diagnostics(path, 0)
    editor.replace(path, '"usr"', '"usrr"')
    report = await editor.pull(path)
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert len(report.items) == 1
    assert not editor.client.diagnostics[path.as_uri()]


async def test_leaks_are_in_the_other_file(editor: Editor, workspace: Path) -> None:
    leaked = eval_set(workspace, SAMPLES.split("\n")[0] + "\n")
    train = workspace / "train.jsonl"
    for path in (train, leaked):
        editor.open(path)
    await editor.until(lambda: editor.client.diagnostics.get(leaked.as_uri()))
    async with asyncio.timeout(editor.patience):
        while True:  # until it is noticed that the recipe is another than when the workspace was opened
            report = await editor.pull(train)
            assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
            related = (report.related_documents or {}).get(leaked.as_uri())
            if related:
                break
            await asyncio.sleep(0.05)
    assert isinstance(related, types.FullDocumentDiagnosticReport)
    assert [one.code for one in related.items] == ["DU305"]
    assert related.items[0].related_information
    assert related.items[0].related_information[0].location.uri == train.as_uri()


async def test_the_other_file_is_saved(editor: Editor, workspace: Path) -> None:
    leaked = eval_set(workspace, SAMPLES.split("\n")[0] + "\n")
    editor.open(leaked)
    await editor.diagnostics(leaked, 1)
    train = workspace / "train.jsonl"
    train.write_text(SAMPLES.split("\n")[1] + "\n")
    await editor.diagnostics(leaked, 0)


async def test_of_the_workspace(editor: Editor, workspace: Path) -> None:
    closed = eval_set(workspace, BROKEN)
    opened = workspace / "train.jsonl"
    editor.open(opened, SAMPLES + "é{\n")
    await editor.diagnostics(opened, 1)

    async def asked(previous: list[types.PreviousResultId]) -> dict[str, object]:
        report = await editor.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams(previous))
        return {Path(one.uri).name: one for one in report.items}

    found = await asked([])
    assert set(found) == {"recipe.yaml", "train.jsonl", "eval.jsonl"}
    for name, codes in (("train.jsonl", ["JL001"]), ("eval.jsonl", ["SF106"]), ("recipe.yaml", [])):
        one = found[name]
        assert isinstance(one, types.WorkspaceFullDocumentDiagnosticReport)
        assert [diagnostic.code for diagnostic in one.items] == codes
    ids = [types.PreviousResultId(one.uri, one.result_id) for one in found.values()]  # type: ignore[attr-defined]
    assert all(isinstance(one, types.WorkspaceUnchangedDocumentDiagnosticReport) for one in (await asked(ids)).values())
    closed.write_text(SAMPLES.replace("Lamp", "Light"))
    changed = (await asked(ids))["eval.jsonl"]
    assert isinstance(changed, types.WorkspaceFullDocumentDiagnosticReport)
    assert not changed.items


async def test_a_file_that_no_editor_opens(new_editor: Editor, workspace: Path) -> None:
    """VS Code hands files over 50 MB to no extension."""
    closed = eval_set(workspace, "")
    closed.write_text(BROKEN + '{"prompt": "' + "a" * unopened.LARGEST_OPENED + '", "completion": "b"}\n')
    await new_editor.start(workspace)
    found = await new_editor.until(lambda: new_editor.client.diagnostics.get(closed.as_uri()))
    assert {("SF106", 0), ("JL001", 1)} <= {(one.code, one.range.start.line) for one in found}
