"""`lintune/serve`, `lintune/models` and `lintune/prompt`: the sidecar for whoever wants to ask it over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import convert, requests

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.session import Session

SERVE = "lintune/serve"
MODELS = "lintune/models"
PROMPT = "lintune/prompt"


def register(server: LintuneServer) -> None:
    requests.register(server, SERVE, serve)
    requests.register(server, MODELS, models)
    requests.register(server, PROMPT, prompt)


async def serve(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{recipe?, run?, models?}` → `{url, key, models: [{id, title, detail, run}], recipe, run}`.

    recipe: URI of a recipe or of one of its data sets; without it and `run`, the workspace's only recipe. run: path of
    a run directory. models: ids of `lintune/models`; without them, those that a hover asks. url: base URL for clients
    of OpenAI's API. It may be another after the process was started anew, which this does where needed, and so may
    the ids; the key stays. A process that nobody asks ends after ten minutes.
    """
    return await session.serving.serve(*_place(params), requests.texts(params, "models"))


async def models(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{recipe?, run?}`, as of `lintune/serve` → `{recipe, baseModel, models: [{id, title, detail, run}], usual: [id],
    preview: {maxTokens, temperature}, ownTemplate, datasets: [{uri, name, eval}]}`. Loads no model.

    ownTemplate: whether the chat template is the one in the models' files; else only `lintune/prompt` knows how to ask.
    """
    return await session.serving.models(*_place(params))


async def prompt(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{recipe?, run?, messages: [{role, content}]}` → `{prompt, stop}`: rendered by the recipe's chat template,
    and what ends the answer."""
    messages = params.get("messages")
    if not isinstance(messages, list) or not all(_is_message(one) for one in messages):
        raise LintuneError("messages is to be a list of objects with role and content.")
    return await session.serving.prompt(*_place(params), messages)


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("role", "content"))


def _place(params: dict[str, Any]) -> tuple[Path | None, Path | None]:
    """The recipe and the run that are meant. Raises LintuneError."""
    uri, run = requests.text(params, "recipe"), requests.text(params, "run")
    recipe = convert.path_of(uri) if uri else None
    if uri and recipe is None:
        raise LintuneError(f"{convert.name_of(uri)} is no file yet. Save it first.")
    return recipe, Path(run) if run else None
