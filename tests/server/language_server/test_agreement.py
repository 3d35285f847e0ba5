"""The extension and the server say which protocol of ours they speak, beyond LSP."""

import logging
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from lintune_server.language_server import agreement

from .editor import Editor

EXTENSION = Path(__file__).parents[3] / "editor-extension"


def test_the_extension_of_this_checkout_speaks_the_same() -> None:
    source = (EXTENSION / "src" / "protocol.ts").read_text(encoding="utf-8")
    assert re.findall(r"^export const PROTOCOL = (\d+);$", source, re.MULTILINE) == [str(agreement.PROTOCOL)]


async def test_the_server_says_which_it_speaks(editor: Editor) -> None:
    assert editor.capabilities
    said = {"lintune": {"protocol": agreement.PROTOCOL, "version": version("lintune")}}
    assert editor.capabilities.experimental == said


async def test_a_client_that_speaks_another_is_served(new_editor: Editor, workspace: Path) -> None:
    await new_editor.start(workspace, {"protocol": agreement.PROTOCOL + 1})
    new_editor.open(workspace / "train.jsonl", "{\n")
    await new_editor.until(lambda: new_editor.client.diagnostics)


@pytest.mark.parametrize(
    ("theirs", "lines"), [(None, 0), (agreement.PROTOCOL, 0), (agreement.PROTOCOL + 1, 1), ("x", 1)]
)
def test_one_that_speaks_another_is_noted_in_the_log(
    theirs: object, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        agreement.note(theirs)
    assert len(caplog.records) == lines
