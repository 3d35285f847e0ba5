"""What a training says of single samples is shown on their lines, until the next training begins."""

from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor
from .trainings import behave

pytestmark = [pytest.mark.usefixtures("scripted_trainer"), pytest.mark.long]

MESSAGE = "Out of memory: halve micro_batch_size."


@pytest.fixture
async def data(new_editor: Editor, workspace: Path) -> Path:
    """The data set of a workspace whose training fails, open in no editor."""

    def pushed(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.text_document
        capabilities.text_document.diagnostic = None

    behave(workspace, "fail", "samples")
    await new_editor.start(workspace, adjust=pushed)
    await new_editor.until_status("untrained")
    return workspace / "train.jsonl"


def notes(editor: Editor, data: Path) -> list[types.Diagnostic]:
    """What is shown of the training."""
    return [one for one in editor.client.diagnostics.get(data.as_uri(), []) if one.code == "training"]


async def noted(editor: Editor, data: Path, *lines: int) -> list[types.Diagnostic]:
    """Wait until there are notes on these lines (0-based), and no others."""
    await editor.until(lambda: [one.range.start.line for one in notes(editor, data)] == list(lines))
    return notes(editor, data)


async def test_of_a_file_that_is_not_open(new_editor: Editor, workspace: Path, data: Path) -> None:
    assert await new_editor.command("lintune.train") is True
    (note,) = await noted(new_editor, data, 0)
    assert (note.source, note.severity, note.message) == ("lintune", types.DiagnosticSeverity.Error, MESSAGE)
    new_editor.open(data)
    new_editor.insert(data, 0, '{"prompt": "a", "completion": "b"}\n')
    await noted(new_editor, data, 1)
    new_editor.close(data)
    await noted(new_editor, data, 1)
    behave(workspace, "finish")
    await new_editor.until(lambda: new_editor.statuses[-1].state != "training")
    assert await new_editor.command("lintune.train") is True
    await noted(new_editor, data)


async def test_it_stays_on_its_line_until_the_next_training(new_editor: Editor, workspace: Path, data: Path) -> None:
    new_editor.open(data)
    assert await new_editor.command("lintune.train") is True
    await noted(new_editor, data, 0)
    new_editor.replace(data, '"ON"', '"on"')  # on the line itself
    new_editor.insert(data, 1, '{"prompt": "a", "completion": "b"}\n')
    await noted(new_editor, data, 0)
    new_editor.insert(data, 0, '{"prompt": "c", "completion": "d"}\n')
    await noted(new_editor, data, 1)
    place = types.Range(types.Position(1, 1), types.Position(1, 1))
    titles = [action.title for action in await new_editor.menu(data, place)]
    assert not any("training" in title for title in titles), "it is no rule that could be explained or ignored"
    behave(workspace, "finish")
    await new_editor.until(lambda: new_editor.statuses[-1].state != "training")
    assert await new_editor.command("lintune.train") is True
    await noted(new_editor, data)


async def test_a_warning_of_over_fitting_is_shown_once(new_editor: Editor, workspace: Path, data: Path) -> None:
    behave(workspace, "over_fitting", "loss_spike")
    assert await new_editor.command("lintune.train") is True
    await new_editor.until_status("ready")
    assert [note.message for note in await noted(new_editor, data, 1, 1)] == [
        "About over_fitting.",
        "About loss_spike.",
    ]
    assert [note.severity for note in notes(new_editor, data)] == [types.DiagnosticSeverity.Warning] * 2
    assert new_editor.shown == ["About over_fitting."]
    assert "About loss_spike." in new_editor.said
