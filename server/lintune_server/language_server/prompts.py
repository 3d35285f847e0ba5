"""A sample of a data set as a question: the prompt that asks a model for its answer, and the reference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lintune_schemas.chat_template import TemplateError
from lintune_schemas.errors import LintuneError
from lintune_server.language_server.preview import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.conversations import Turn
    from lintune_server.language_server.lineup import Voice
    from lintune_server.language_server.preview import Model
    from lintune_server.lint.context import Context
    from lintune_server.lint.dataset import Inspection


@dataclass(frozen=True)
class PromptedSample:
    """One sample, read, and what it is read by."""

    inspection: Inspection
    context: Context

    @property
    def _asked(self) -> int:
        """The turn that the model is asked for: the last one it learns; else the one after the last."""
        turns = self.inspection.conversation.turns
        return max((index for index, turn in enumerate(turns) if turn.trained), default=len(turns))

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Those before the answer that the model is asked for."""
        return self.inspection.conversation.turns[: self._asked]

    @property
    def reference(self) -> str | None:
        """What the model is to answer."""
        turns = self.inspection.conversation.turns
        return turns[self._asked].content if self._asked < len(turns) else None

    @cached_property
    def prompt(self) -> str:
        """Raises LintuneError when the chat template cannot render it."""
        tokenizer = self.context.tokenizer
        if tokenizer is None:
            raise LintuneError(self.context.problem or "The base model's tokenizer is not known.")
        try:
            return tokenizer.prompt(self.inspection.conversation.upto(self._asked))
        except TemplateError as error:
            raise LintuneError(f"The chat template refuses this sample: {error}") from error

    def question(self, model: Model) -> Question:
        """The sample's prompt for a model. Raises LintuneError."""
        return question(self.context, self.prompt, model)

    def questions(self, voices: Sequence[Voice]) -> list[Question]:
        """Likewise for each of some models."""
        return [self.question(voice.model) for voice in voices]


def question(context: Context, prompt: str, model: Model, most: int | None = None) -> Question:
    """A rendered prompt, as the data set's recipe has it answered. most: tokens, if fewer than the recipe's.

    Raises LintuneError without a recipe or a tokenizer.
    """
    if context.tokenizer is None or context.recipe is None:
        raise LintuneError(context.problem or "The base model's tokenizer is not known.")
    preview = context.recipe.lintune.preview
    limit = preview.max_tokens if most is None else min(most, preview.max_tokens)
    return Question(model, prompt, limit, preview.temperature, tuple(context.tokenizer.end_tokens))
