"""From a line of a data set to what its hover shows, and to the questions that models are asked about it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import answer_pages
from lintune_server.language_server.documents import Document, Kind
from lintune_server.language_server.lineup import Lineup
from lintune_server.language_server.preview import Priority
from lintune_server.language_server.prompts import PromptedSample
from lintune_server.language_server.sample_page import Said, SamplePage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.run_evaluation import SampleResult
    from lintune_server.language_server.lineup import Voice
    from lintune_server.language_server.preview import Answer, Asking
    from lintune_server.language_server.session import Session

_HOVER_PATIENCE = 1.2
"""Seconds a hover waits in all. Editors show a spinner meanwhile; beyond about a second people move on."""
_BASE_PATIENCE = 0.2
"""Seconds that a hover waits for the base model once the tuned one has answered."""


@dataclass(frozen=True, slots=True)
class AskedSample:
    """The result of `lintune.ask`."""

    line: int
    """0-based."""
    prompt: str
    reference: str | None
    voice: Voice
    answer: Answer

    def as_message(self) -> str:
        lines = [f"Line {self.line + 1}, {self.voice.title.lower()}: {self.answer.text}"]
        if self.reference is not None:
            lines.append(f"Reference: {self.reference}")
        return "\n".join(lines)

    def as_result(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt,
            "reference": self.reference,
            "tuned": self.answer.text,
            "model": str(self.voice.model.path),
            "tokens_per_second": self.answer.tokens_per_second,
        }


@dataclass(frozen=True, slots=True)
class _Asked:
    """What models are asked about a sample; `problem` says why they are not."""

    sample: PromptedSample
    lineup: Lineup
    askings: Sequence[Asking] = ()
    problem: str | None = None
    result: SampleResult | None = None


class Questions:
    """Reads samples of open documents and asks models about them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._hovering = object()
        """Who wanted the answers for the last hover."""

    async def hover(self, document: Document, number: int) -> str | None:
        """The Markdown of the hover on a line, in the time that a hover has; None without a sample.

        What was asked goes on afterwards, until the next hover.
        """
        deadline = asyncio.get_running_loop().time() + _HOVER_PATIENCE
        reading = asyncio.ensure_future(self.read(document, number))
        if not await _within([reading], deadline):
            return "*Loading the model's tokenizer … hover again in a moment.*"
        sample = reading.result()
        before, self._hovering = self._hovering, object()
        owner = self._hovering
        try:
            if sample is None:
                return None
            asked = await self._ask_all(sample, Priority.HOVER, owner, self._line(document, number))
            self._session.preview.let_go(before)  # now, so that what both want goes on
            await _heard_enough(asked.askings, deadline)
            return self._page(document, number, asked)
        except asyncio.CancelledError:
            self._session.preview.let_go(owner)
            raise
        finally:
            self._session.preview.let_go(before)

    async def ask(self, uri: str, number: int) -> AskedSample:
        """Ask the tuned model the prompt of the sample on a line. Raises LintuneError, with what to do."""
        _, sample = await self._require(uri, number)
        lineup = await self.lineup(sample)
        voice = lineup.so_far or lineup.tuned
        if voice is None:
            raise LintuneError(lineup.problem or "There is no tuned model yet. Train the recipe first.")
        question = sample.question(voice.model)
        (asking,) = self._session.preview.ask([question], Priority.ASKED, self)
        answer = await asyncio.shield(asking.done)
        return AskedSample(number, question.prompt, sample.reference, voice, answer)

    async def open_answers(self, uri: str, number: int) -> Path:
        """Write the page with all answers about the sample on a line, whole. Raises LintuneError, with what to do."""
        document, sample = await self._require(uri, number)
        asked = await self._ask_all(sample, Priority.ASKED, self, self._line(document, number))
        if not asked.askings:
            raise LintuneError(asked.problem or "There is no tuned model yet. Train the recipe first.")
        return await self._write_page(document, number, asked)

    async def conversation(self, uri: str, number: int) -> tuple[Document, PromptedSample]:
        """The sample on a line of an open data set. Raises LintuneError, with what to do."""
        return await self._require(uri, number)

    async def read(self, document: Document, number: int) -> PromptedSample | None:
        """The sample on a line of an open document."""
        line = document.line(number)
        analysis = self._session.analyses.get(document.uri)
        if line is None or analysis is None:
            return None
        inspection = await analysis.inspect(line)
        return PromptedSample(inspection, await analysis.context()) if inspection else None

    async def lineup(self, sample: PromptedSample) -> Lineup:
        """The models that may be asked about a sample; none in a workspace that is not trusted."""
        if not self._session.trusted:
            return Lineup()
        return await asyncio.to_thread(self._session.lineups.of, sample.context)

    async def _require(self, uri: str, number: int) -> tuple[Document, PromptedSample]:
        """A sample that somebody asks about. Raises LintuneError, with what to do."""
        if not self._session.trusted:
            raise LintuneError("No model is loaded in a workspace that is not trusted. Trust it first.")
        document = self._session.documents.get(uri)
        if document is None or document.kind is not Kind.DATASET:
            raise LintuneError("Open the data set to ask about one of its samples.")
        sample = await self.read(document, number)
        if sample is None:
            raise LintuneError(f"Line {number + 1} holds no sample that can be read. Its findings say why.")
        if sample.context.recipe_path is None:
            raise LintuneError(
                f"There is no recipe for {document.lint_path.name}. "
                "Write a recipe.yaml beside it that lists it under datasets."
            )
        return document, sample

    def _line(self, document: Document, number: int) -> str:
        return document.line(number) or ""

    async def _ask_all(self, sample: PromptedSample, priority: Priority, owner: object, line: str) -> _Asked:
        """Ask the models of a sample's recipe, one after the other."""
        lineup = await self.lineup(sample)
        result = await self._session.marks.result(sample.context, line)
        try:
            askings = self._session.preview.ask(sample.questions(lineup.asked), priority, owner)
        except LintuneError as error:
            return _Asked(sample, lineup, (), str(error), result)
        return _Asked(sample, lineup, askings, lineup.problem, result)

    # Pages

    def _page(self, document: Document, number: int, asked: _Asked) -> str:
        """What a hover shows, with a way to what it does not."""
        page = _sample_page(number, asked, self._link(document, number) if asked.askings else None)
        if page.link and page.is_incomplete and not self._session.command_links:
            self._session.start(self._follow(document, number, asked))
        return page.markdown()

    def _link(self, document: Document, number: int) -> str:
        if self._session.command_links:
            return f"command:lintune.openAnswer?{quote(json.dumps([document.uri, number]))}"
        return answer_pages.path_of(document.uri, number).as_uri()

    async def _follow(self, document: Document, number: int, asked: _Asked) -> None:
        """Keep the page that a hover links to, of answers that are still written."""
        page = _sample_page(number, asked, None, whole=True).markdown()
        await asyncio.to_thread(answer_pages.write, answer_pages.path_of(document.uri, number), page)
        await self._write_page(document, number, asked)

    async def _write_page(self, document: Document, number: int, asked: _Asked) -> Path:
        """The page of a sample, once all answers are there."""
        await asyncio.wait([asking.done for asking in asked.askings])
        path = answer_pages.path_of(document.uri, number)
        page = _sample_page(number, asked, None, whole=True).markdown()
        await asyncio.to_thread(answer_pages.write, path, page)
        return path


def _sample_page(number: int, asked: _Asked, link: str | None, *, whole: bool = False) -> SamplePage:
    inspection, context = asked.sample.inspection, asked.sample.context
    said = [_said(voice, asking) for voice, asking in zip(asked.lineup.asked, asked.askings, strict=False)]
    if asked.problem is not None:
        said.insert(0, Said("Tuned model", note=asked.problem))
    notes = [one.note for one in said]
    return SamplePage(
        line=number,
        format=inspection.format,
        turns=inspection.conversation.turns,
        tokenized=inspection.tokenized,
        problem=context.problem,
        sequence_len=context.recipe.sequence_len if context.recipe else None,
        reference=asked.sample.reference,
        # What keeps one model from answering often keeps them all.
        said=[one for index, one in enumerate(said) if not one.note or one.note not in notes[:index]],
        result=asked.result,
        link=link,
        whole=whole,
    )


def _said(voice: Voice, asking: Asking) -> Said:
    try:
        answer = asking.answer
    except LintuneError as error:
        return Said(voice.title, voice.detail, note=str(error))
    if answer is not None:
        return Said(
            voice.title, voice.detail, answer.text, tokens_per_second=answer.tokens_per_second, cut=not answer.whole
        )
    if asking.text:
        return Said(voice.title, voice.detail, asking.text)
    return Said(voice.title, voice.detail, note="asking … hover again in a moment")


async def _heard_enough(askings: Sequence[Asking], deadline: float) -> None:
    """Wait for the first answer, and not for long for the others; they go on when it was not enough."""
    if askings and await _within([askings[0].done], deadline):
        soon = asyncio.get_running_loop().time() + _BASE_PATIENCE
        await _within([asking.done for asking in askings], min(deadline, soon))


async def _within(work: Sequence[asyncio.Future[Any]], deadline: float) -> bool:
    """Whether the work is done before the deadline; it is not cancelled when it is not."""
    rest = max(deadline - asyncio.get_running_loop().time(), 0)
    _, rest_of_it = await asyncio.wait(work, timeout=rest)
    return not rest_of_it
