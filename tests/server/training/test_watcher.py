"""Saves as programs really make them, on a real file system: each counts once."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from watchdog.observers import Observer

from lintune_server.training.watcher import Watcher

QUIET = 0.15
"""Seconds; half of what it is in an editor."""
LOOK_EVERY = 0.5
"""Seconds; a quarter of that."""


class Saves:
    """What the watcher reported."""

    def __init__(self) -> None:
        self.seen: list[frozenset[Path]] = []
        self._another = asyncio.Event()

    def add(self, files: frozenset[Path]) -> None:
        self.seen.append(files)
        self._another.set()

    async def next(self) -> frozenset[Path]:
        async with asyncio.timeout(10):
            await self._another.wait()
        self._another.clear()
        return self.seen[-1]

    async def nothing_more(self) -> None:
        """Long enough for a second notice of a save to have settled."""
        await asyncio.sleep(3 * QUIET)
        assert not self._another.is_set(), self.seen


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl"
    path.write_text("{}\n")
    return path.resolve()


@pytest.fixture
async def saves() -> Saves:
    return Saves()


@pytest.fixture
async def watcher(data: Path, saves: Saves) -> AsyncIterator[Watcher]:
    watcher = Watcher(saves.add, quiet=QUIET, look_every=LOOK_EVERY)
    assert watcher.watch([data]) == []
    yield watcher
    watcher.close()


def in_place(path: Path) -> None:
    path.write_text("{} \n")


def by_rename(path: Path) -> None:
    beside = path.with_suffix(".tmp")
    beside.write_text("{} \n")
    beside.replace(path)


def with_backup(path: Path) -> None:
    """As Vim does it: the old file becomes a backup, the new one gets its name."""
    path.rename(path.with_suffix(".bak"))
    path.write_text("{} \n")
    path.with_suffix(".bak").unlink()


def delete_and_create(path: Path) -> None:
    path.unlink()
    path.write_text("{} \n")


def in_pieces(path: Path) -> None:
    with path.open("w") as file:
        for _ in range(20):
            file.write("{}\n")
            file.flush()


@pytest.mark.parametrize("save", [in_place, by_rename, with_backup, delete_and_create, in_pieces])
async def test_a_save_by_any_program_counts_once(
    save: Callable[[Path], None], watcher: Watcher, data: Path, saves: Saves
) -> None:
    save(data)
    assert await saves.next() == {data}
    await saves.nothing_more()


async def test_the_editors_notice_and_the_file_systems_are_one_save(watcher: Watcher, data: Path, saves: Saves) -> None:
    by_rename(data)
    watcher.saved(data)
    await saves.next()
    watcher.saved(data)  # late, as from a slow editor
    await saves.nothing_more()
    assert len(saves.seen) == 1


async def test_ten_saves_in_a_second_are_one(watcher: Watcher, data: Path, saves: Saves) -> None:
    for _ in range(10):
        in_place(data)
        await asyncio.sleep(QUIET / 3)
    await saves.next()
    await saves.nothing_more()
    assert len(saves.seen) == 1


async def test_two_files_saved_together_are_reported_together(watcher: Watcher, data: Path, saves: Saves) -> None:
    other = data.with_name("eval.jsonl")
    watcher.watch([data, other])
    in_place(data)
    in_place(other)  # it did not exist before
    assert await saves.next() == {data, other}


async def test_reading_and_other_files_are_no_saves(watcher: Watcher, data: Path, saves: Saves) -> None:
    data.read_bytes()
    data.with_name("notes.txt").write_text("x")
    data.with_name(".lintune").mkdir()
    data.with_name(".lintune").joinpath("train.jsonl").write_text("x")
    await saves.nothing_more()


async def test_a_deletion_is_no_save_but_the_file_that_comes_back_is(
    watcher: Watcher, data: Path, saves: Saves
) -> None:
    data.unlink()
    await saves.nothing_more()
    in_place(data)
    assert await saves.next() == {data}


async def test_a_folder_that_appears_later_is_watched(watcher: Watcher, data: Path, saves: Saves) -> None:
    later = data.parent / "later" / "deep" / "a.jsonl"
    assert watcher.watch([data, later]) == []
    later.parent.mkdir(parents=True)
    for text in ("1\n", "2\n"):
        later.write_text(text)
        assert await saves.next() == {later}


async def test_a_folder_that_is_replaced_is_watched_on(watcher: Watcher, data: Path, saves: Saves) -> None:
    file = data.parent / "data" / "a.jsonl"
    file.parent.mkdir()
    in_place(file)
    assert watcher.watch([file]) == []
    file.parent.rename(data.parent / "old")
    for text in ("1\n", "2\n"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        assert await saves.next() == {file}
    (data.parent / "old" / "a.jsonl").write_text("of the folder that went\n")
    await saves.nothing_more()


async def test_what_the_system_does_not_tell_is_seen(data: Path, saves: Saves, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(Observer, "schedule", refuse)
    watcher = Watcher(saves.add, quiet=QUIET, look_every=LOOK_EVERY)
    (problem,) = watcher.watch([data])
    assert problem.startswith(f"{data.parent} cannot be watched (inotify watch limit reached): ")
    assert watcher.watch([data]) == [], "it is said once"
    in_place(data)
    assert await saves.next() == {data}
    watcher.close()


async def test_a_save_that_looks_as_old_as_before(watcher: Watcher, data: Path, saves: Saves) -> None:
    times = data.stat()
    data.write_text("[]\n")  # of the same size
    os.utime(data, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert await saves.next() == {data}


async def test_the_editors_notice_alone_counts(watcher: Watcher, data: Path, saves: Saves) -> None:
    """Before anybody has looked."""
    later = data.parent / "later" / "a.jsonl"
    assert watcher.watch([data, later]) == []
    later.parent.mkdir()
    in_place(later)
    watcher.saved(later)
    assert await saves.next() == {later}


async def test_the_first_save_of_an_editor_counts_though_it_came_before_the_file_was_watched(
    watcher: Watcher, data: Path, saves: Saves
) -> None:
    watcher.saved(data)
    assert await saves.next() == {data}
    watcher.saved(data)
    await saves.nothing_more()
