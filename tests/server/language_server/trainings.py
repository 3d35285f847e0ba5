"""Telling the scripted trainer what to do, and seeing what it did."""

from pathlib import Path

from lintune_schemas import runs

from .editor import Editor


def behave(workspace: Path, *words: str) -> None:
    (workspace / "behaviour").write_text(" ".join(words))


def count_runs(workspace: Path) -> int:
    return len(list(runs.run_directories(workspace)))


async def saved_and_trained(editor: Editor, path: Path, old: str, new: str) -> None:
    """Edit, save, and see the run to its end."""
    before = len(editor.statuses)
    editor.replace(path, old, new)
    editor.save(path)
    await editor.until_status("training", after=before)
    await editor.until_status("ready", after=before)
