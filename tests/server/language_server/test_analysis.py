"""Findings that follow a document, when what they come from fails, or the document is closed."""

import asyncio
import json
import tempfile
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lintune_schemas.errors import LintuneError
from lintune_server.analyst.client import AnalystClient
from lintune_server.analyst.messages import Found
from lintune_server.language_server.analysis import Analysis
from lintune_server.language_server.documents import Document
from lintune_server.language_server.remote import Surroundings
from lintune_server.lint.findings import Finding, Position, Range, Severity

SAMPLE = '{"prompt": "What is 1?", "completion": "It is 1."}\n'
PLACE = Range(Position(0, 0), Position(0, 1))


def opened(
    folder: Path, text: str, progress: list[tuple[int, int]] | None = None, analyst: AnalystClient | None = None
) -> Analysis:
    def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work)

    document = Document((folder / "train.jsonl").as_uri(), "jsonl", 1, text)
    told: list[tuple[int, int]] = [] if progress is None else progress
    return Analysis(
        document,
        Surroundings(
            ThreadPoolExecutor(2),
            analyst or AnalystClient(),
            lambda _: None,
            lambda _, done, size: told.append((done, size)),
            start,
        ),
    )


async def test_progress_ends_when_a_large_file_cannot_be_analysed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_: AnalystClient) -> None:
        raise LintuneError("It could not be started.")

    monkeypatch.setattr(AnalystClient, "start", gone)
    progress: list[tuple[int, int]] = []
    analysis = opened(tmp_path, SAMPLE * 20_000, progress)
    analysis.opened()
    assert analysis._task
    await asyncio.wait({analysis._task})
    assert isinstance(analysis._task.exception(), LintuneError)
    assert progress == [(0, 0)]
    assert not analysis.settled
    assert (await analysis.report()).findings == (), "what is known is told all the same"
    analysis.close()


async def test_who_waits_for_a_document_that_is_closed_is_answered(tmp_path: Path) -> None:
    analysis = opened(tmp_path, SAMPLE)
    analysis.opened()
    report = asyncio.create_task(analysis.report())
    await asyncio.sleep(0)
    analysis.close()
    assert (await report).version == 1
    analysis.others_changed()
    assert analysis._task
    await asyncio.wait({analysis._task})
    assert analysis._task.cancelled(), "none was begun since"


async def test_an_edition_is_not_that_of_the_same_file_when_it_was_open_before(tmp_path: Path) -> None:
    analyst = AnalystClient()
    first, second = (opened(tmp_path, text, analyst=analyst) for text in (SAMPLE, f"{SAMPLE}{{\n"))
    first.opened()
    second.opened()
    reports = [await one.report() for one in (first, second)]
    assert len({report.id for report in reports}) == 2
    assert [len(report.lines) for report in reports] == [2, 3]


async def test_another_recipe_judges_what_was_looked_at_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there are more findings than are shown, and those of such lines are among them."""

    async def started(_: AnalystClient) -> None:
        return

    async def found(_: AnalystClient, request: Any, *__: object) -> Found:
        some = Finding("DS501", "few", Severity.HINT, "few", PLACE)
        return Found(request.number, [some], 7)

    monkeypatch.setattr(AnalystClient, "start", started)
    monkeypatch.setattr(AnalystClient, "found", found)
    monkeypatch.setattr(AnalystClient, "tell", lambda *_: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    recipe = tmp_path / "recipe.yaml"
    plain = {"base_model": "x", "datasets": [{"path": "train.jsonl"}]}
    recipe.write_text(json.dumps(plain))
    analysis = opened(tmp_path, SAMPLE * 20_000 + '{"prompt": "", "completion": "x"}\n')
    analysis.opened()
    await settled(analysis)
    analysis.look(range(20_000, 20_001))
    assert "SF111" in {one.code for one in (await analysis.report()).findings}
    recipe.write_text(json.dumps(plain | {"lintune": {"lint": {"ignore": ["SF111"]}}}))
    analysis.surroundings_changed()
    await settled(analysis)
    assert "SF111" not in {one.code for one in (await analysis.report()).findings}
    analysis.close()


async def settled(analysis: Analysis) -> None:
    async with asyncio.timeout(60):
        while not analysis.settled:
            await asyncio.sleep(0.01)
