"""Files that are too large for editors: what is found in them is told while they are there and not open."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lintune_server.analyst.client import AnalystClient
from lintune_server.language_server import convert, unopened
from lintune_server.language_server.text import Encoding
from lintune_server.language_server.unopened import Unopened

BROKEN = '{"messages": [{"role": "usr", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]}\n'


class Session:
    """What of a session is asked here."""

    def __init__(self, files: set[Path]) -> None:
        self.trusted = True
        self.documents: dict[str, object] = {}
        self.analyst = AnalystClient()
        self.workspace = SimpleNamespace(files=files, beside=lambda _: set(), recipes_of=lambda _: set())
        self.run_notes = SimpleNamespace(of=lambda _: ())
        self.diagnostics = SimpleNamespace(of_unopened=self._told)
        self.shown: dict[str, list[str]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def converter(self, lines: list[str]) -> convert.Converter:
        return convert.Converter(lines, Encoding.UTF16)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(asyncio.create_task(work))

    def _told(self, uri: str, found: list[Any]) -> None:
        self.shown[Path(uri).name] = [one.code for one in found]


@pytest.fixture
async def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Session]:
    monkeypatch.setattr(unopened, "LARGEST_OPENED", len(BROKEN))
    path = tmp_path / "train.jsonl"
    path.write_text(BROKEN * 2)
    session = Session({path})
    yield session
    await session.analyst.close()


def files(session: Session) -> Unopened:
    return Unopened(session)  # type: ignore[arg-type]


async def test_it_is_told_until_the_file_is_small_or_gone(session: Session, tmp_path: Path) -> None:
    path, looks = tmp_path / "train.jsonl", files(session)
    await looks.look()
    assert session.shown["train.jsonl"]
    session.shown.clear()
    await looks.look()
    assert not session.shown, "nothing changed"
    path.write_text(BROKEN)
    await looks.look()
    assert session.shown == {"train.jsonl": []}
    path.write_text(BROKEN * 3)
    await looks.look()
    path.unlink()
    await looks.look()
    assert session.shown == {"train.jsonl": []}


async def test_a_file_is_opened_meanwhile_and_closed(session: Session, tmp_path: Path) -> None:
    path, looks = tmp_path / "train.jsonl", files(session)
    looking = asyncio.create_task(looks.look())
    await session.analyst.start()
    session.documents[convert.uri_of(path)] = object()
    await looking
    assert not session.shown
    del session.documents[convert.uri_of(path)]
    looks.closed(path)
    await asyncio.gather(*session.tasks)
    assert session.shown["train.jsonl"]
