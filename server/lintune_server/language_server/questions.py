"""From a line of a data set to what its hover shows, and to the question that its tuned model is asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lintune_schemas.chat_template import TemplateError
from lintune_schemas.errors import LintuneError
from lintune_server.language_server.documents import Document, Kind
from lintune_server.language_server.preview import Answer, Question
from lintune_server.language_server.sample_page import SamplePage, TunedAnswer
from lintune_server.training import runs

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.language_server.session import Session
    from lintune_server.lint.context import Context
    from lintune_server.lint.dataset import Inspection
    from lintune_server.training.runs import Run

_HOVER_PATIENCE = 1.2
"""Seconds a hover waits in all. Editors show a spinner meanwhile; beyond about a second people move on."""


@dataclass(frozen=True, slots=True)
class AskedSample:
    """The result of `lintune.ask`."""

    line: int
    """0-based."""
    prompt: str
    reference: str | None
    model: Path
    answer: Answer

    def as_message(self) -> str:
        lines = [f"Line {self.line + 1}, tuned model: {self.answer.text}"]
        if self.reference is not None:
            lines.append(f"Reference: {self.reference}")
        return "\n".join(lines)

    def as_result(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt,
            "reference": self.reference,
            "tuned": self.answer.text,
            "model": str(self.model),
            "tokens_per_second": self.answer.tokens_per_second,
        }


class Questions:
    """Reads samples of open documents and asks the tuned model about them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def hover(self, document: Document, number: int) -> str | None:
        """The Markdown of the hover on a line, in the time that a hover has; None without a sample."""
        deadline = asyncio.get_running_loop().time() + _HOVER_PATIENCE
        reading = asyncio.ensure_future(self._read(document, number))
        if not await _within(reading, deadline):
            return "*Loading the model's tokenizer … hover again in a moment.*"
        sample = reading.result()
        if sample is None:
            return None
        answer = await self._tuned_answer(sample, deadline)
        return SamplePage(
            line=number,
            format=sample.inspection.format,
            turns=sample.inspection.conversation.turns,
            tokenized=sample.inspection.tokenized,
            problem=sample.context.problem,
            sequence_len=sample.context.recipe.sequence_len if sample.context.recipe else None,
            reference=sample.reference,
            answer=answer,
        ).markdown()

    async def ask(self, uri: str, number: int) -> AskedSample:
        """Ask the tuned model the prompt of the sample on a line. Raises LintuneError, with what to do."""
        if not self._session.trusted:
            raise LintuneError("No model is loaded in a workspace that is not trusted. Trust it first.")
        document = self._session.documents.get(uri)
        if document is None or document.kind is not Kind.DATASET:
            raise LintuneError("Open the data set to ask about one of its samples.")
        sample = await self._read(document, number)
        if sample is None:
            raise LintuneError(f"Line {number + 1} holds no sample that can be read. Its findings say why.")
        if sample.context.recipe_path is None:
            raise LintuneError(
                f"There is no recipe for {document.lint_path.name}. "
                "Write a recipe.yaml beside it that lists it under datasets."
            )
        tuned = await asyncio.to_thread(_tuned, sample.context)
        if tuned is None:
            raise LintuneError("There is no tuned model yet. Train the recipe first.")
        _, model = tuned
        question = sample.question(model)
        answer = await asyncio.shield(self._session.preview.ask(question))
        return AskedSample(number, question.prompt, sample.reference, model, answer)

    async def _read(self, document: Document, number: int) -> _Sample | None:
        line = document.line(number)
        analysis = self._session.analyses.get(document.uri)
        if line is None or analysis is None:
            return None
        inspection = await analysis.inspect(line)
        return _Sample(inspection, await analysis.context()) if inspection else None

    async def _tuned_answer(self, sample: _Sample, deadline: float) -> TunedAnswer | None:
        """What is known of the answer when the patience ends; the question goes on, for the next hover."""
        if not self._session.trusted:
            return None
        try:
            tuned = await asyncio.to_thread(_tuned, sample.context)
            if tuned is None:
                return None
            run, model = tuned
            asking = self._session.preview.ask(sample.question(model), glimpse=True)
            if not await _within(asking, deadline) or asking.cancelled():
                return TunedAnswer(run.name, note="asking … hover again in a moment")
            return TunedAnswer(run.name, asking.result().text)
        except LintuneError as error:
            return TunedAnswer(None, note=str(error))


@dataclass(frozen=True, slots=True)
class _Sample:
    inspection: Inspection
    context: Context

    @property
    def _asked(self) -> int:
        """The turn that the model is asked for: the last one it learns; else the one after the last."""
        turns = self.inspection.conversation.turns
        return max((index for index, turn in enumerate(turns) if turn.trained), default=len(turns))

    @property
    def reference(self) -> str | None:
        turns = self.inspection.conversation.turns
        return turns[self._asked].content if self._asked < len(turns) else None

    def question(self, model: Path) -> Question:
        """Raises LintuneError when the chat template cannot render the prompt."""
        tokenizer, recipe = self.context.tokenizer, self.context.recipe
        if tokenizer is None or recipe is None:
            raise LintuneError(self.context.problem or "The base model's tokenizer is not known.")
        try:
            prompt = tokenizer.prompt(self.inspection.conversation.upto(self._asked))
        except TemplateError as error:
            raise LintuneError(f"The chat template refuses this sample: {error}") from error
        preview = recipe.lintune.preview
        return Question(model, prompt, preview.max_tokens, preview.temperature, tuple(tokenizer.end_tokens))


def _tuned(context: Context) -> tuple[Run, Path] | None:
    """The last run of the recipe that finished, and its model; None when there is none.

    Raises LintuneError when the recipe has moved on so far that its prompts are not those the model learned.
    """
    if context.recipe_path is None or context.recipe is None:
        return None
    run = runs.last_finished(context.recipe_path)
    if run is None or run.model is None:
        return None
    learned = run.locked_recipe
    if learned is not None and (learned.base_model, learned.chat_template) != (
        context.recipe.base_model,
        context.recipe.chat_template,
    ):
        raise LintuneError(
            f"The tuned model of run {run.name} was made from {learned.base_model}, "
            "perhaps with another chat template. Train again to ask it."
        )
    return run, run.model


async def _within(work: asyncio.Future[Any], deadline: float) -> bool:
    """Whether the work is done before the deadline; it is not cancelled when it is not."""
    rest = max(deadline - asyncio.get_running_loop().time(), 0)
    done, _ = await asyncio.wait({work}, timeout=rest)
    return bool(done)
