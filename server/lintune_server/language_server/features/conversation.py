"""`lintune/conversation`, `lintune/draftSample`, `lintune/addSample`, `lintune/takeBackSample`: from a sample to a
conversation, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.errors import LintuneError
from lintune_schemas.recipe import real_path
from lintune_schemas.samples import ROLES
from lintune_server.language_server import convert, requests
from lintune_server.language_server.datasets.written_sample import Said

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.session import Session

CONVERSATION = "lintune/conversation"
DRAFT = "lintune/draftSample"
ADD = "lintune/addSample"
TAKE_BACK = "lintune/takeBackSample"


def register(server: LintuneServer) -> None:
    requests.register(server, CONVERSATION, conversation)
    requests.register(server, DRAFT, draft)
    requests.register(server, ADD, add)
    requests.register(server, TAKE_BACK, take_back)


async def conversation(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{uri, line}` → `{recipe, name, line, messages: [{role, content}], reference}`: the sample on a line (0-based) of
    an open data set without its last answer, which is the reference."""
    uri, line = requests.text(params, "uri"), params.get("line")
    if uri is None or not isinstance(line, int):
        raise LintuneError("Name a data set by its uri, and one of its lines.")
    document, sample = await session.questions.conversation(uri, line)
    assert sample.context.recipe_path is not None
    return {
        "recipe": convert.uri_of(sample.context.recipe_path),
        "name": document.lint_path.name,
        "line": line,
        "messages": [{"role": turn.role, "content": turn.content} for turn in sample.turns],
        "reference": sample.reference,
    }


async def draft(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{dataset, messages: [{role, content}]}` → `{dataset, line, text, findings: [{code, severity, message}]}`.

    dataset: URI. messages: the last one is the assistant's answer. Nothing is written. findings: of the new sample, in
    the data set as it would be.
    """
    return (await session.new_samples.draft(_path(params), _conversation(params))).as_result()


async def add(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """As `lintune/draftSample`, and puts the sample at the end of the file. The result has `saved`, too: false for a
    file with unsaved changes, where it went into the editor instead."""
    return await session.new_samples.add(_path(params), _conversation(params))


async def take_back(session: Session, params: dict[str, Any]) -> None:
    """`{dataset}`: take out the sample that was added to it last, while the file is as it was left then."""
    await session.new_samples.take_back(_path(params))


def _path(params: dict[str, Any]) -> Path:
    uri = requests.text(params, "dataset")
    path = convert.path_of(uri) if uri else None
    if path is None:
        raise LintuneError("Choose a data set that is a file.")
    return real_path(path)


def _conversation(params: dict[str, Any]) -> list[Said]:
    messages = params.get("messages")
    if not isinstance(messages, list):
        raise LintuneError("messages is to be a list of objects with role and content.")
    return [_said(one) for one in messages]


def _said(value: object) -> Said:
    role, content = (value.get("role"), value.get("content")) if isinstance(value, dict) else (None, None)
    if role not in ROLES or not isinstance(content, str):
        raise LintuneError(f"A message needs a content, and one of the roles {', '.join(ROLES)}.")
    return Said(role, content)
