"""The sidecar of this workspace: started when the first question comes, for the model that the question is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_schemas.errors import LintuneError

if TYPE_CHECKING:
    from lintune_server.language_server.preview import Answer, Question


class TunedModel:
    async def complete(self, question: Question) -> Answer:
        raise LintuneError("draft")

    async def close(self) -> None:
        pass
