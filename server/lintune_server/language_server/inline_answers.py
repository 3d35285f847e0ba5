"""What the tuned model would write on from the cursor, in an answer that is being written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lintune_schemas.chat_template import TemplateError
from lintune_schemas.errors import LintuneError
from lintune_server.language_server import prompts
from lintune_server.language_server.datasets import beginning as beginnings
from lintune_server.language_server.preview import Priority

if TYPE_CHECKING:
    from lintune_server.language_server.datasets.beginning import Beginning
    from lintune_server.language_server.documents import Document
    from lintune_server.language_server.preview import Model
    from lintune_server.language_server.session import Session
    from lintune_server.lint.context import Context

_MOST_TOKENS = 32
_REST = 0.12
"""Seconds without a keystroke before anything is asked."""


class InlineAnswers:
    """Belongs to the event loop. One question at a time: the next keystroke makes the last one void."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asking = object()

    async def at(self, document: Document, number: int, column: int) -> str | None:
        """What to insert at the cursor, as it stands in JSON; None where the model is not asked, or says nothing."""
        self.stop()
        owner = self._asking
        try:
            await asyncio.sleep(_REST)
            if owner is not self._asking:
                return None
            return await self._find(document, number, column, owner)
        except LintuneError as error:
            self._session.messages.log(f"No inline completion: {error}")
            return None
        finally:
            self._session.preview.let_go(owner)

    def stop(self) -> None:
        """What is asked counts no more: the text is another one, or the cursor is elsewhere."""
        self._session.preview.let_go(self._asking)
        self._asking = object()

    async def _find(self, document: Document, number: int, column: int, owner: object) -> str | None:
        line = document.line(number)
        reader = await self._session.readers.of(document, asks_again=False)
        if line is None or reader is None:
            return None
        context = reader.context
        beginning = await asyncio.to_thread(beginnings.find, reader, line, column)
        if beginning is None or context.tokenizer is None or not self._session.trusted:
            return None
        lineup = await asyncio.to_thread(self._session.lineups.of, context)
        voice = lineup.so_far or lineup.tuned
        if voice is None:
            return None
        text = await self._continued(context, beginning, voice.model, owner)
        return beginning.written(text) if text and owner is self._asking else None

    async def _continued(self, context: Context, beginning: Beginning, model: Model, owner: object) -> str | None:
        """The rest of the answer. The model is asked from before the last word; only when it then says another one,
        from the cursor."""
        assert context.tokenizer is not None
        try:
            prompt = await asyncio.to_thread(context.tokenizer.prompt, beginning.before)
        except TemplateError as error:
            raise LintuneError(f"The chat template refuses this sample: {error}") from error
        typed = beginning.typed
        for length in dict.fromkeys((beginnings.safe(typed), len(typed))):
            question = prompts.question(context, prompt + typed[:length], model, _MOST_TOKENS)
            (asking,) = self._session.preview.ask([question], Priority.ASKED, owner)
            await asyncio.wait({asking.done})
            if asking.answer is None:  # a keystroke made it void
                return None
            if asking.answer.text.startswith(typed[length:]):
                return asking.answer.text[len(typed) - length :]
        return None
