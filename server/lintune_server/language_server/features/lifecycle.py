"""initialize, initialized, shutdown; saves; and `lintune/trust`, by which the client says what to trust."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lintune_server.language_server import agreement, convert
from lintune_server.language_server.features import pull_diagnostics
from lintune_server.language_server.settings import SECTION
from lintune_server.language_server.text import Encoding

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.language_server.connection import LintuneServer

TRUST = "lintune/trust"


def register(server: LintuneServer) -> None:
    server.feature(types.INITIALIZE)(initialize)
    server.feature(types.INITIALIZED)(initialized)
    server.feature(types.TEXT_DOCUMENT_DID_SAVE)(did_save)
    server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)(did_change_watched_files)
    server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(did_change_workspace_folders)
    server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(did_change_configuration)
    server.feature(types.SHUTDOWN)(shutdown)
    server.feature(TRUST)(trust)


def initialize(ls: LintuneServer, params: types.InitializeParams) -> None:
    """Options: `trusted` and `showAnswers` (as messages), both true unless said otherwise; `commandLinks: true` for a
    client that runs `command:` links in hovers; `inlineCompletion: {"enabled": true}`, as in the settings;
    `evalMarks: true` for one that draws the marks of `lintune/marks`; `sampleEditor: true` for one with a command
    `lintune.editSample`, which takes a URI and a line; `diagnostics: "push"` for one that could ask for diagnostics,
    and would rather be told; `protocol`: which it speaks, of those that `agreement` is about."""
    options = params.initialization_options if isinstance(params.initialization_options, dict) else {}
    trusted, shows_answers = (options.get(name) is not False for name in ("trusted", "showAnswers"))
    command_links = options.get("commandLinks") is True
    agreement.note(options.get("protocol"))
    ls.session.begin(trusted, shows_answers, command_links, Encoding(ls.workspace.position_encoding or Encoding.UTF16))
    ls.session.settings.begin(options)
    documents = params.capabilities.text_document
    if documents and documents.diagnostic and options.get("diagnostics") != "push":
        pull_diagnostics.register(ls)


def initialized(ls: LintuneServer, _: types.InitializedParams) -> None:
    ls.session.start(ls.session.workspace.begin(_folders(ls)))
    ls.session.start(ls.session.settings.read())
    ls.session.start(_watch_settings(ls))
    ls.session.start(_watch_files(ls))
    ls.session.start(_watch_client(ls))


async def _watch_settings(ls: LintuneServer) -> None:
    """Have the client tell when a setting of ours is another."""
    workspace = ls.client_capabilities.workspace
    changed = workspace.did_change_configuration if workspace else None
    if not changed or not changed.dynamic_registration:
        return
    options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
    registration = types.Registration("settings", types.WORKSPACE_DID_CHANGE_CONFIGURATION, options)
    await ls.client_register_capability_async(types.RegistrationParams([registration]))


async def _watch_files(ls: LintuneServer) -> None:
    """Have the client tell of files that change. Those of known recipes are watched anyway, but new recipes are not."""
    workspace = ls.client_capabilities.workspace
    watched = workspace.did_change_watched_files if workspace else None
    if not watched or not watched.dynamic_registration:
        return
    watchers = [types.FileSystemWatcher(f"**/{pattern}") for pattern in _WATCHED]
    options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
    registration = types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
    await ls.client_register_capability_async(types.RegistrationParams([registration]))


_WATCHED = ("*.{jsonl,ndjson}", "recipe.{yaml,yml}", "*.recipe.{yaml,yml}")


async def _watch_client(ls: LintuneServer) -> None:
    """Leave when the client's process is gone without a word, and something else still holds the pipe."""
    if ls.process_id is None or sys.platform == "win32":  # where signal 0 ends a process
        return
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        try:
            os.kill(ls.process_id, 0)
        except ProcessLookupError:
            ls.client_gone()
            return
        except PermissionError:  # it is there, and somebody else's
            continue


_LOOK_EVERY = 2.0
"""Seconds."""


def did_save(ls: LintuneServer, params: types.DidSaveTextDocumentParams) -> None:
    ls.session.saved(params.text_document.uri)


def did_change_watched_files(ls: LintuneServer, params: types.DidChangeWatchedFilesParams) -> None:
    for change in params.changes:
        if path := convert.path_of(change.uri):
            ls.session.file_changed(path, is_new=change.type == types.FileChangeType.Created)


def did_change_workspace_folders(ls: LintuneServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
    added, removed = (
        [path for folder in folders if (path := convert.path_of(folder.uri))]
        for folders in (params.event.added, params.event.removed)
    )
    ls.session.start(ls.session.workspace.folders_changed(added, removed))


def did_change_configuration(ls: LintuneServer, _: types.DidChangeConfigurationParams) -> None:
    ls.session.start(ls.session.settings.read())


async def shutdown(ls: LintuneServer, *_: Any) -> None:
    await ls.session.end()


def trust(ls: LintuneServer, params: Any) -> None:
    """`{"trusted": bool}`; without parameters, the workspace is trusted from now on."""
    ls.session.trust(getattr(params, "trusted", True) is not False)


def _folders(ls: LintuneServer) -> list[Path]:
    uris = list(ls.workspace.folders) or ([ls.workspace.root_uri] if ls.workspace.root_uri else [])
    return [path for uri in uris if (path := convert.path_of(uri)) and path.is_dir()]
