"""A line of a data set as rules see it: text, parsed sample, turns, tokens. Each step happens once, when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from lintune_schemas import samples
from lintune_schemas.chat_template import TemplateError
from lintune_server.lint import json_source

if TYPE_CHECKING:
    from lintune_schemas.chat import ChatTokenizer, TokenizedChat
    from lintune_schemas.recipe import Recipe
    from lintune_schemas.samples import Sample, SampleFormat, Turn
    from lintune_server.lint.json_source import JsonSyntaxError


@dataclass(frozen=True)
class Surroundings:
    """What a sample's rules may know besides the sample: its file's format, the recipe, the model's tokenizer."""

    format: SampleFormat | None = None
    recipe: Recipe | None = None
    tokenizer: ChatTokenizer | None = None


class Line:
    """One line of a JSON Lines file, without its line end."""

    def __init__(self, text: str, surroundings: Surroundings) -> None:
        self.text = text
        self.surroundings = surroundings
        self.error: JsonSyntaxError | None = None
        self.value: Any = None
        try:
            self.value = orjson.loads(text)
        except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
            self.error = self._explain(error)

    def _explain(self, error: Exception) -> JsonSyntaxError:
        try:
            json_source.scan(self.text)
        except json_source.JsonSyntaxError as explained:
            return explained
        # orjson also refuses what is JSON by grammar: lone surrogates, and nesting over 1,024 deep.
        return json_source.JsonSyntaxError(0, len(self.text), str(error).partition(": line")[0])

    @cached_property
    def positions(self) -> json_source.Node:
        return json_source.scan(self.text)

    @property
    def sample(self) -> Sample | None:
        """The parsed object; None when the line holds none."""
        return self.value if isinstance(self.value, dict) else None

    @cached_property
    def format(self) -> SampleFormat | None:
        """The file's format when the sample has any key of it, else its own."""
        if self.sample is None:
            return None
        of_file = self.surroundings.format
        if of_file and any(key in self.sample for key in samples.FORMATS[of_file].required):
            return of_file
        return samples.detect(self.sample)

    @cached_property
    def ignored(self) -> tuple[str, ...]:
        """Rule codes that the sample's author accepts."""
        codes = self.sample.get(samples.IGNORE_KEY) if self.sample else None
        return tuple(code for code in codes if isinstance(code, str)) if isinstance(codes, list) else ()

    @cached_property
    def turns(self) -> tuple[Turn, ...] | None:
        """The conversation; None when the sample's shape does not allow to read it."""
        if self.sample is None or self.format is None:
            return None
        try:
            turns = tuple(samples.turns_of(self.sample, self.format))
        except (KeyError, TypeError, AttributeError):
            return None
        well_formed = all(isinstance(turn.content, str) and turn.role in samples.ROLES for turn in turns)
        return turns if turns and well_formed else None

    @cached_property
    def tokenized(self) -> TokenizedChat | None:
        """Tokens and loss mask; None without a tokenizer, or when the template refuses the conversation."""
        tokenizer = self.surroundings.tokenizer
        if tokenizer is None or self.turns is None:
            return None
        recipe = self.surroundings.recipe
        try:
            return tokenizer.tokenize(self.turns, recipe.train_on_inputs if recipe else False)
        except TemplateError:
            return None
