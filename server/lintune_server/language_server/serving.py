"""The workspace's sidecar for whoever asks it over HTTP: its address, its key, and the models that answer there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lintune_schemas import recipe as recipes
from lintune_schemas.chat_template import TemplateError
from lintune_schemas.conversations import Conversation, Turn
from lintune_schemas.errors import LintuneError
from lintune_server.language_server import convert, roster
from lintune_server.lint.context import of_recipe
from lintune_server.training import run_models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lintune_server.language_server.lineup import Voice
    from lintune_server.language_server.roster import Roster
    from lintune_server.language_server.session import Session


class Serving:
    """Belongs to the event loop. place: a recipe, or the directory of a run."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def models(self, recipe: Path | None, run: Path | None) -> dict[str, Any]:
        """What there is to ask, and how a recipe has it asked. Loads no model. Raises LintuneError."""
        found = await self._roster(recipe, run)
        preview = found.recipe.lintune.preview
        files = [recipes.real_path(path) for path in found.recipe.dataset_paths(found.recipe_path.parent)]
        learned = len(found.recipe.datasets)
        return {
            "recipe": convert.uri_of(found.recipe_path),
            "baseModel": found.recipe.base_model,
            "models": [_described(voice, voice.model.id) for voice in found.voices],
            "usual": list(found.usual),
            "preview": {"maxTokens": preview.max_tokens, "temperature": preview.temperature},
            "ownTemplate": run_models.has_own_template(found.recipe),
            "datasets": [
                {"uri": convert.uri_of(path), "name": path.name, "eval": number >= learned}
                for number, path in enumerate(files)
                if path.is_file()
            ],
        }

    async def serve(self, recipe: Path | None, run: Path | None, ids: Sequence[str]) -> dict[str, Any]:
        """Have the sidecar run, with the models loaded; without ids, the usual ones. Raises LintuneError."""
        found = await self._roster(recipe, run)
        voices = found.pick(list(ids))
        served = await self._session.sidecar.serve([voice.model for voice in voices])
        return {
            "url": served.url,
            "key": served.key,
            "models": [_described(voice, id_) for voice, id_ in zip(voices, served.ids, strict=True)],
            "recipe": convert.uri_of(found.recipe_path),
            "run": str(run) if run else voices[0].run,
        }

    async def prompt(
        self, recipe: Path | None, run: Path | None, messages: Sequence[Mapping[str, str]]
    ) -> dict[str, Any]:
        """A conversation as the recipe's chat template asks for its next turn, and the texts that end that.

        Raises LintuneError.
        """
        found = await self._roster(recipe, run)
        context = await asyncio.to_thread(of_recipe, found.recipe_path, found.recipe)
        assert context.tokenizer is not None
        try:
            text = await asyncio.to_thread(context.tokenizer.prompt, Conversation(tuple(map(_turn, messages))))
        except TemplateError as error:
            raise LintuneError(f"The chat template refuses this conversation: {error}") from error
        return {"prompt": text, "stop": list(context.tokenizer.end_tokens)}

    async def _roster(self, recipe: Path | None, run: Path | None) -> Roster:
        if not self._session.trusted:
            raise LintuneError("No model is loaded in a workspace that is not trusted. Trust it first.")
        if run is not None:
            return await asyncio.to_thread(roster.of_run, run)
        path = recipe or self._session.workspace.only_recipe()
        return await asyncio.to_thread(roster.of_recipe, self._session.recipe_of(path), self._session.lineups)


def _described(voice: Voice, id_: str) -> dict[str, Any]:
    return {"id": id_, "title": voice.title, "detail": voice.detail, "run": voice.run}


def _turn(message: Mapping[str, str]) -> Turn:
    return Turn(message.get("role", "user"), message.get("content", ""), trained=False, path=())
