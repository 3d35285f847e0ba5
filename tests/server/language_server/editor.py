"""An editor for tests: it speaks real LSP to a real server process, and saves files as editors do."""

import asyncio
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

PATIENCE = 60
"""Seconds until a test gives up waiting. Nothing here is a measurement."""

SERVER = [sys.executable, "-m", "lintune_server.language_server"]

Found = TypeVar("Found")


class Editor:
    """One client and its server. Start it with `start`, leave with `leave`."""

    def __init__(self) -> None:
        self.patience = PATIENCE
        self.client: LanguageClient = make_test_lsp_client()
        self.statuses: list[Any] = []
        self.capabilities: types.ServerCapabilities | None = None
        self._versions: dict[Path, int] = {}
        self._texts: dict[Path, str] = {}
        self.offers: list[types.ShowMessageRequestParams] = []
        """Messages with buttons."""
        self.presses: str | None = None
        """The button that is pressed on the next ones; None for none."""
        self.client.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)(lambda params: self._offered(params))
        self.client.feature("lintune/status")(lambda params: self.statuses.append(params))
        self.runs_changed: list[Any] = []
        self.client.feature("lintune/runsChanged")(lambda params: self.runs_changed.append(params))
        self.client.feature(types.WORKSPACE_CODE_LENS_REFRESH)(lambda params: None)
        self.client.feature(types.CLIENT_REGISTER_CAPABILITY)(
            lambda params: self.registered.extend(params.registrations)
        )
        self.registered: list[types.Registration] = []
        self.refreshed = 0
        """How often the server asked the client to ask for inlay hints again."""
        self.client.feature(types.WORKSPACE_INLAY_HINT_REFRESH)(lambda params: self._count_refresh())
        self.client.feature(types.WORKSPACE_SEMANTIC_TOKENS_REFRESH)(lambda params: None)

    async def start(
        self,
        folder: Path,
        options: dict[str, Any] | None = None,
        encodings: list[str] | None = None,
        adjust: Callable[[types.ClientCapabilities], None] | None = None,
        process_id: int | None = None,
    ) -> None:
        """adjust: makes a client of the usual one that can do less."""
        await self.client.start_io(*SERVER, env=dict(os.environ))
        capabilities = client_capabilities("visual-studio-code")
        if capabilities.workspace:  # newer than what pytest-lsp knows of VS Code
            capabilities.workspace.inlay_hint = types.InlayHintWorkspaceClientCapabilities(refresh_support=True)
        assert capabilities.text_document
        assert capabilities.workspace
        capabilities.text_document.diagnostic = types.DiagnosticClientCapabilities(related_document_support=True)
        capabilities.workspace.diagnostics = types.DiagnosticWorkspaceClientCapabilities(refresh_support=True)
        if encodings and capabilities.general:
            capabilities.general.position_encodings = encodings
        if adjust:
            adjust(capabilities)
        result = await self.client.initialize_session(
            types.InitializeParams(
                capabilities,
                process_id=process_id,
                initialization_options=options,
                workspace_folders=[types.WorkspaceFolder(folder.as_uri(), folder.name)],
            )
        )
        self.capabilities = result.capabilities

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self.client._server
        return self.client._server

    async def leave(self) -> None:
        if self.client._server and self.client._server.returncode is None:
            async with asyncio.timeout(self.patience):
                await self.client.shutdown_session()
        await self.client.stop()

    async def kill_server(self) -> None:
        """SIGKILL, and wait until the process is reaped: only then `leave` knows that there is nobody to ask."""
        self.process.kill()
        async with asyncio.timeout(self.patience):
            await self.process.wait()

    def forget(self) -> None:
        """Forget what the server said and showed so far."""
        self.statuses.clear()
        self.client.messages.clear()
        self.offers.clear()
        self.presses = None
        self.client.log_messages.clear()
        self.client.progress_reports.clear()

    def _offered(self, params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
        self.offers.append(params)
        return types.MessageActionItem(self.presses) if self.presses else None

    def _count_refresh(self) -> None:
        self.refreshed += 1

    # Waiting

    async def until(self, condition: Callable[[], Found]) -> Found:
        """Wait until the condition holds; returns what it gave."""
        try:
            async with asyncio.timeout(self.patience):
                while not (found := condition()):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"it never came; messages: {self.shown}; statuses: {self.statuses}") from None
        return found

    async def until_status(self, state: str, *, after: int = 0, detail: str = "") -> Any:
        """Wait for a status with this state and these words in its detail, behind the first `after` ones."""
        return await self.until(
            lambda: next((s for s in self.statuses[after:] if s.state == state and detail in s.detail), None)
        )

    async def until_said(self, words: str) -> str:
        """Wait for a message, shown or logged, that has these words."""
        return await self.until(lambda: next((said for said in self.said if words in said), None))

    @property
    def shown(self) -> list[str]:
        return [message.message for message in self.client.messages]

    @property
    def said(self) -> list[str]:
        logged = [message.message for message in self.client.log_messages]
        return [*self.shown, *(offer.message for offer in self.offers), *logged]

    # Documents

    def open(self, path: Path, text: str | None = None, language: str | None = None) -> None:
        text = path.read_text(encoding="utf-8") if text is None else text
        language = language or {".jsonl": "jsonl", ".yaml": "yaml"}.get(path.suffix, "plaintext")
        self.forge(path, text)
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(path.as_uri(), language, 1, text))
        )

    def text(self, path: Path) -> str:
        """The text of a document as it is in the editor."""
        return self._texts[path]

    def forge(self, path: Path, text: str) -> None:
        """Take a document for open that was never opened, as a faulty client would."""
        self._versions[path] = 1
        self._texts[path] = text

    def replace(self, path: Path, old: str, new: str) -> None:
        """Replace a piece of text that is there once, without a line end in it: one change, in UTF-16."""
        text = self._texts[path]
        assert text.count(old) == 1, (old, text)
        at = text.index(old)
        line = text.count("\n", 0, at)
        column = len(text[text.rfind("\n", 0, at) + 1 : at].encode("utf-16-le")) // 2
        length = len(old.encode("utf-16-le")) // 2
        self._texts[path] = text.replace(old, new)
        place = types.Range(types.Position(line, column), types.Position(line, column + length))
        self._change(path, types.TextDocumentContentChangePartial(place, new))

    def insert(self, path: Path, line: int, new: str) -> None:
        """Insert a text before a line."""
        lines = self._texts[path].split("\n")
        self._texts[path] = "\n".join(lines[:line]) + ("\n" if line else "") + new + "\n".join(lines[line:])
        place = types.Position(line, 0)
        self._change(path, types.TextDocumentContentChangePartial(types.Range(place, place), new))

    def rewrite(self, path: Path, text: str) -> None:
        """Replace the whole text."""
        self._texts[path] = text
        self._change(path, types.TextDocumentContentChangeWholeDocument(text))

    def _change(self, path: Path, change: types.TextDocumentContentChangeEvent) -> None:
        self._versions[path] += 1
        document = types.VersionedTextDocumentIdentifier(uri=path.as_uri(), version=self._versions[path])
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    def save(self, path: Path) -> None:
        """As VS Code saves: write the file, then say so."""
        path.write_text(self._texts[path], encoding="utf-8")
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(path.as_uri())))

    def close_all(self) -> None:
        for path in list(self._texts):
            self.close(path)

    def close(self, path: Path) -> None:
        self._texts.pop(path, None)
        self.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(path.as_uri()))
        )

    async def diagnostics(self, path: Path, count: int) -> list[types.Diagnostic]:
        """Wait until a document has so many diagnostics."""
        uri = path.as_uri()
        await self.until(lambda: uri in self.client.diagnostics and len(self.client.diagnostics[uri]) == count)
        return list(self.client.diagnostics[uri])

    # Requests

    async def hover(self, path: Path, line: int, column: int = 3) -> str | None:
        result = await self.client.text_document_hover_async(
            types.HoverParams(types.TextDocumentIdentifier(path.as_uri()), types.Position(line, column))
        )
        if result is None:
            return None
        assert isinstance(result.contents, types.MarkupContent)
        return result.contents.value

    async def hover_until(self, path: Path, line: int, pattern: str, column: int = 3) -> str:
        """Hover again and again until the text matches."""
        async with asyncio.timeout(self.patience):
            while True:
                text = await self.hover(path, line, column) or ""
                if re.search(pattern, text, re.DOTALL):
                    return text
                await asyncio.sleep(0.1)

    async def pull(self, path: Path, previous: str | None = None) -> types.DocumentDiagnosticReport:
        return await self.client.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(types.TextDocumentIdentifier(path.as_uri()), previous_result_id=previous)
        )

    async def lenses(self, path: Path) -> list[tuple[int, str, str]]:
        """Line, title and command of each lens."""
        found = await self.client.text_document_code_lens_async(
            types.CodeLensParams(types.TextDocumentIdentifier(path.as_uri()))
        )
        return [
            (lens.range.start.line, lens.command.title, lens.command.command) for lens in found or [] if lens.command
        ]

    async def actions(self, path: Path, range_: types.Range, only: list[str] | None = None) -> list[types.CodeAction]:
        """The actions that edit."""
        return [one for one in await self.menu(path, range_, only) if isinstance(one, types.CodeAction)]

    async def menu(
        self, path: Path, range_: types.Range, only: list[str] | None = None
    ) -> list[types.CodeAction | types.Command]:
        """All that is offered. Of an action with a command lsprotocol makes a command with its title."""
        found = await self.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(path.as_uri()), range_, types.CodeActionContext([], only=only)
            )
        )
        return list(found or [])

    async def resolved(self, action: types.CodeAction) -> types.CodeAction:
        """The action with its edits, as a client asks for them when somebody takes it."""
        return await self.client.code_action_resolve_async(action)

    async def command(self, name: str, *arguments: Any) -> Any:
        return await self.client.workspace_execute_command_async(
            types.ExecuteCommandParams(name, arguments=list(arguments))
        )

    @property
    def reports(self) -> list[Any]:
        """Those of all work-done progress."""
        return [report for reports in self.progress for report in reports]

    @property
    def progress(self) -> list[list[Any]]:
        """The reports of each work-done progress, in the order of their beginning."""
        return list(self.client.progress_reports.values())
