"""How the samples of an eval set came out when a run was evaluated, for lines of files as they are now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from lintune_schemas import datasets
from lintune_server.lint.lines import BOM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lintune_schemas.run_evaluation import SampleResult
    from lintune_server.language_server.session import Session
    from lintune_server.lint.context import Context


class Marks:
    """Finds the results of samples by what is in them: a line may have moved since."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def result(self, context: Context, line: str) -> SampleResult | None:
        """That of the sample on a line; None when no run was evaluated on it."""
        (found,) = await self.results(context, [line])
        return found

    async def results(self, context: Context, lines: Sequence[str]) -> list[SampleResult | None]:
        """Likewise of many lines."""
        return await asyncio.to_thread(self._find, context, lines)

    def _find(self, context: Context, lines: Sequence[str]) -> list[SampleResult | None]:
        results = self._session.lineups.results(context)
        return [of_line(line, results) for line in lines] if results else [None] * len(lines)


def of_line(line: str, results: Mapping[str, SampleResult]) -> SampleResult | None:
    """results: by the samples' digests, in hexadecimal."""
    try:
        sample = orjson.loads(line.lstrip(BOM))
        return results.get(datasets.digest_of(sample).hex()) if isinstance(sample, dict) else None
    except (ValueError, TypeError):  # no JSON, or nested too deep
        return None
