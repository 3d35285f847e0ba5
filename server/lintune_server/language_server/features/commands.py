"""workspace/executeCommand: `lintune.train`, `.stop`, `.pause`, `.resume`, `.estimate`, `.ask` and
`.openAnswer`. Any client can call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import convert
from lintune_server.language_server.connection import LintuneServer  # noqa: TC001 (pygls reads annotations)
from lintune_server.language_server.documents import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TRAIN = "lintune.train"
STOP = "lintune.stop"
PAUSE = "lintune.pause"
RESUME = "lintune.resume"
ESTIMATE = "lintune.estimate"
ASK = "lintune.ask"
OPEN_ANSWER = "lintune.openAnswer"


def register(server: LintuneServer) -> None:
    server.command(TRAIN)(train)
    server.command(STOP)(stop)
    server.command(PAUSE)(pause)
    server.command(RESUME)(resume)
    server.command(ESTIMATE)(estimate)
    server.command(ASK)(ask)
    server.command(OPEN_ANSWER)(open_answer)


def train(ls: LintuneServer, *arguments: Any) -> bool:
    """Train the recipe, or the recipe of the data set, at a URI; without one, the workspace's only recipe.

    Returns whether a training was started.
    """
    try:
        ls.session.training.train(_recipe_of(ls, arguments))
    except LintuneError as error:
        ls.session.messages.error(str(error))
        return False
    return True


def stop(ls: LintuneServer) -> bool:
    """Stop the training that is going on, or give up the one that is paused. Whether there was one."""
    try:
        return ls.session.training.stop()
    except LintuneError as error:
        ls.session.messages.error(str(error))
        return False


def pause(ls: LintuneServer) -> bool:
    """Pause the training that is going on: it writes a checkpoint and ends. Whether there was one."""
    try:
        return ls.session.training.pause()
    except LintuneError as error:
        ls.session.messages.error(str(error))
        return False


async def resume(ls: LintuneServer, *arguments: Any) -> bool:
    """Go on with the last training of a recipe, which was paused, stopped or killed. Otherwise as `train`."""
    try:
        await ls.session.training.resume(_recipe_of(ls, arguments))
    except LintuneError as error:
        ls.session.messages.error(str(error))
        return False
    return True


def _recipe_of(ls: LintuneServer, arguments: Sequence[Any]) -> Path:
    """The recipe that is meant. Raises LintuneError."""
    uri = next(iter(arguments), None)
    if not isinstance(uri, str):
        return ls.session.workspace.only_recipe()
    path = convert.path_of(uri)
    if path is None:
        raise LintuneError(f"{convert.name_of(uri)} is no file yet. Save it first.")
    return ls.session.recipe_of(path)


async def estimate(ls: LintuneServer, uri: str) -> str | None:
    """Show what the training of the open recipe at a URI takes, part by part. None when it is not known yet."""
    document = ls.session.documents.get(uri)
    recipe = document if document and document.kind is Kind.RECIPE else None
    outlook = await ls.session.outlooks.of(recipe) if recipe else None
    if outlook is None:
        return None
    ls.session.messages.info(outlook.page)
    return outlook.page


async def ask(ls: LintuneServer, uri: str, line: int) -> dict[str, Any] | None:
    """Ask the tuned model the prompt of the sample on a line (0-based). None when it could not be asked.

    The answer is also shown as a message, unless the client said `showAnswers: false` and shows it by itself.
    """
    try:
        asked = await ls.session.questions.ask(uri, line)
    except LintuneError as error:
        ls.session.messages.error(str(error))
        return None
    if ls.session.shows_answers:
        ls.session.messages.info(asked.as_message())
    return asked.as_result()


async def open_answer(ls: LintuneServer, uri: str, line: int) -> str | None:
    """Open a page with the answers of the tuned and the base model about the sample on a line (0-based), whole.

    Returns its URI; None when they could not be asked. A client that shows no documents is told where it is.
    """
    try:
        page = await ls.session.questions.open_answers(uri, line)
    except LintuneError as error:
        ls.session.messages.error(str(error))
        return None
    window = ls.client_capabilities.window
    if window and window.show_document and window.show_document.support:
        await ls.window_show_document_async(types.ShowDocumentParams(convert.uri_of(page), take_focus=True))
    elif ls.session.shows_answers:
        ls.session.messages.info(f"The answers are in {page}")
    return convert.uri_of(page)
