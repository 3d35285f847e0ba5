"""All state of one connection: documents, trust, the training that is going on, the tuned model's answers.

Handlers call in here; only here is anything changed, always on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcException

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_schemas.events import AdapterSaved, RunFinished, RunStarted
from lintune_server.analyst.client import AnalystClient
from lintune_server.language_server import convert
from lintune_server.language_server.analysis import Analysis
from lintune_server.language_server.diagnostics import Diagnostics
from lintune_server.language_server.documents import Document, Kind
from lintune_server.language_server.inline_answers import InlineAnswers
from lintune_server.language_server.lineup import Lineups
from lintune_server.language_server.marks import Marks
from lintune_server.language_server.messages import Messages
from lintune_server.language_server.new_samples import NewSamples
from lintune_server.language_server.outlooks import Outlooks
from lintune_server.language_server.prefetch import Prefetch
from lintune_server.language_server.preview import Preview
from lintune_server.language_server.questions import Questions
from lintune_server.language_server.readers import Readers
from lintune_server.language_server.remote import Surroundings
from lintune_server.language_server.run_actions import RunActions
from lintune_server.language_server.run_answers import RunAnswers
from lintune_server.language_server.run_news import RunNews
from lintune_server.language_server.run_notes import RunNotes
from lintune_server.language_server.run_records import RunRecords
from lintune_server.language_server.sample_editing import SampleEditing
from lintune_server.language_server.serving import Serving
from lintune_server.language_server.settings import Settings
from lintune_server.language_server.text import Encoding
from lintune_server.language_server.training import Training
from lintune_server.language_server.unopened import Unopened
from lintune_server.language_server.workspace import Workspace
from lintune_server.language_server.workspace_sidecar import WorkspaceSidecar
from lintune_server.training.run_list import RunList

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence, Set
    from pathlib import Path
    from typing import Any, Literal

    from lintune_schemas.events import Event
    from lintune_server.language_server.connection import LintuneServer

log = logging.getLogger(__name__)


class Session:
    """What one client has open, and what is running for it."""

    def __init__(self, server: LintuneServer) -> None:
        self.server = server
        self.messages = Messages(server)
        self.documents: dict[str, Document] = {}
        self.analyses: dict[str, Analysis] = {}
        self.encoding = Encoding.UTF16
        self.trusted = True
        self.shows_answers = True
        self.command_links = False
        self.sidecar = WorkspaceSidecar()
        self.preview = Preview(self.sidecar.ask)
        self.lineups = Lineups()
        self.marks = Marks(self)
        self.workspace = Workspace(self)
        self.run_notes = RunNotes(self)
        self.run_records = RunRecords(self)
        self.run_answers = RunAnswers(self)
        self.run_list = RunList()
        self.run_news = RunNews(self)
        self.run_actions = RunActions(self)
        self.training = Training(self)
        self.questions = Questions(self)
        self.serving = Serving(self)
        self.new_samples = NewSamples(self)
        self.outlooks = Outlooks(self)
        self.readers = Readers(self)
        self.samples = SampleEditing(self)
        self.settings = Settings(self)
        self.prefetch = Prefetch(self)
        self.inline_answers = InlineAnswers(self)
        self.diagnostics = Diagnostics(self)
        self.analyst = AnalystClient()
        self.unopened = Unopened(self)
        self._background: set[asyncio.Task[None]] = set()
        self._executor = ThreadPoolExecutor(max_workers=3, thread_name_prefix="analysis")
        self._surroundings = Surroundings(
            self._executor, self.analyst, self.diagnostics.changed, self.diagnostics.progress, self.start
        )

    def begin(self, trusted: bool, shows_answers: bool, command_links: bool, encoding: Encoding) -> None:
        """The client introduced itself. command_links: whether it runs commands that are links in a hover."""
        self.trusted = trusted
        self.shows_answers = shows_answers
        self.command_links = command_links
        self.encoding = encoding

    async def end(self) -> None:
        """Stop everything that runs for this client. May be called twice."""
        for analysis in self.analyses.values():
            analysis.close()
        self.prefetch.end()
        self.preview.close()
        self.workspace.close()
        self.run_records.close()
        self.run_news.end()
        await asyncio.gather(self.training.end(), self.run_actions.end(), self.sidecar.close(), self.analyst.close())
        self._executor.shutdown(wait=False, cancel_futures=True)

    def trust(self, trusted: bool) -> None:
        """The user decided whether this workspace may train, load models and spawn processes."""
        if trusted == self.trusted:
            return
        self.trusted = trusted
        self.start(self.training.trust_changed())
        self.start(self.unopened.look())
        if not trusted:
            self.run_actions.stop()
            self.prefetch.end()
            self.preview.close()
            self.start(self.sidecar.close())
        self.refresh_lenses()

    # Documents

    def open(self, uri: str, language: str, version: int, text: str) -> None:
        if uri in self.analyses:  # opened twice without a close: the newer text counts
            self.analyses[uri].close()
        document = Document(uri, language, version, text)
        self.documents[uri] = document
        self.analyses[uri] = Analysis(document, self._surroundings)
        self.run_notes.opened(document)
        self.analyses[uri].opened()
        if document.path and document.kind is not Kind.OTHER:
            self.start(self.workspace.opened(document.path, document.kind))

    def change(
        self,
        uri: str,
        version: int,
        edits: Sequence[tuple[tuple[tuple[int, int], tuple[int, int]] | None, str]],
    ) -> None:
        document = self.documents.get(uri)
        if document is None:
            log.warning("a change of a document that is not open: %s", uri)
            return
        if version <= document.version:
            log.warning("%s: version %d comes after version %d", uri, version, document.version)
        self.inline_answers.stop()
        self.prefetch.typed()
        self.analyses[uri].edited(document.change(version, edits, self.encoding))

    def saved(self, uri: str) -> None:
        document = self.documents.get(uri)
        if document and document.path and document.kind is not Kind.OTHER:
            self.start(self.workspace.saved(document.path, document.kind))

    def close(self, uri: str) -> None:
        document = self.documents.pop(uri, None)
        if document is None:
            return
        self.run_notes.closed(document)
        self.analyses.pop(uri).close()
        self.diagnostics.closed(uri)
        self.prefetch.closed(uri)
        if document.path:
            self.unopened.closed(document.path)

    def file_changed(self, path: Path, *, is_new: bool = False) -> None:
        """The client says that a file was saved, made or deleted by some program."""
        if any((folder / "pyvenv.cfg").is_file() for folder in path.parents):
            return  # a virtual environment that has Lintune has its example, which is nobody's to train
        kind = Kind.RECIPE if recipes.is_recipe_name(path) else Kind.DATASET
        # Who copies or checks out a folder does not want its recipes trained. Saves of known files are watched anyway,
        # those too that write another file and rename it.
        self.start(self.workspace.opened(path, kind) if is_new else self.workspace.saved(path, kind))
        self.unopened.changed(path)

    def data_saved(self, files: Set[Path]) -> None:
        """Files were saved, by any program: what is found in others of their recipes may be another."""
        for analysis in self.analyses.values():
            path = analysis.document.path
            if path and analysis.document.kind is not Kind.OTHER and self.workspace.beside(path) & files:
                analysis.others_changed()
        self.start(self.unopened.look())

    def recipe_changed(self) -> None:
        """A recipe was saved: what data sets are judged by may be another."""
        for uri, analysis in self.analyses.items():
            if self.documents[uri].kind is Kind.DATASET:
                analysis.surroundings_changed()
        self.readers.refresh()

    def base_model_arrived(self) -> None:
        """A trainer has run, which downloads a base model that was missing: its tokenizer may be known now."""
        for analysis in self.analyses.values():
            if analysis.lacks_tokenizer:
                analysis.surroundings_changed()
        self.readers.refresh()
        self.outlooks.forget()

    def trainer_says(self, recipe: Path, event: Event) -> None:
        """The training of a recipe that goes on reports something."""
        self.run_notes.event(recipe, event)
        self.run_news.changed(recipe)
        if isinstance(event, RunStarted | AdapterSaved | RunFinished):
            self.prefetch.model(recipe)

    def recipe_of(self, path: Path) -> Path:
        """The recipe of a document, which may be a recipe itself. Raises LintuneError when there is none."""
        opened = any(doc.path == path and doc.kind is Kind.RECIPE for doc in self.documents.values())
        if opened or recipes.is_recipe_name(path):
            return path
        found = recipes.find_for(path)
        if found is None:
            raise LintuneError(
                f"There is no recipe for {path.name}. Write a recipe.yaml beside it that lists it under datasets."
            )
        return found

    def converter(self, lines: Sequence[str]) -> convert.Converter:
        return convert.Converter(lines, self.encoding)

    # Background work

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run in the background; what goes wrong is logged and shown, never lost."""
        task = asyncio.create_task(self._guarded(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def refresh_lenses(self) -> None:
        if self.refreshes("code_lens"):
            self.server.workspace_code_lens_refresh(None)

    def refreshes(self, what: Literal["code_lens", "diagnostics", "inlay_hint", "semantic_tokens"]) -> bool:
        """Whether the client can be told to ask for something again."""
        workspace = self.server.client_capabilities.workspace
        capability = getattr(workspace, what) if workspace else None
        return bool(capability and capability.refresh_support)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except LintuneError as error:
            self.messages.once(str(error))
        except JsonRpcException as error:
            log.warning("the client refused what it was asked for: %s", error)
        except Exception as error:
            log.exception("background work failed")
            self.messages.once(f"Lintune hit an internal error: {error}. The log has the details.")
