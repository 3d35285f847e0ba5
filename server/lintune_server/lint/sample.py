"""A line of a data set as rules see it: text, sample, messages, tokens. Each step happens once, when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from lintune_schemas import conversations, layouts, samples
from lintune_schemas.chat_template import TemplateError
from lintune_schemas.contents import is_plain, message_lists_of, segments_of, texts_of, threads_of
from lintune_schemas.recipe import Thresholds
from lintune_schemas.samples import SampleFormat
from lintune_server.lint import json_source
from lintune_server.lint.fault import Fault, Sort
from lintune_server.lint.lines import BOM
from lintune_server.lint.once import once

if TYPE_CHECKING:
    from collections.abc import Callable

    from lintune_schemas.chat import ChatTokenizer, MeasuredChat, TokenizedChat
    from lintune_schemas.contents import Thread
    from lintune_schemas.conversations import Conversation
    from lintune_schemas.recipe import Recipe
    from lintune_schemas.samples import Layout, Message, Sample, Segment, Text
    from lintune_server.lint.json_faults import Faults


_Found = TypeVar("_Found")
_USUAL = Thresholds()


@dataclass(frozen=True)
class Surroundings:
    """What a sample's rules may know besides the sample: its file's layout, the recipe, the model's tokenizer."""

    layout: Layout | None = None
    recipe: Recipe | None = None
    tokenizer: ChatTokenizer | None = None
    unmet: Layout | None = None
    """What the recipe says of the file's layout, when no sample is so."""

    @property
    def thresholds(self) -> Thresholds:
        """The recipe's, else the usual ones."""
        return self.recipe.lintune.lint.thresholds if self.recipe else _USUAL

    @property
    def train_on_inputs(self) -> bool:
        return self.recipe is not None and self.recipe.train_on_inputs


class Line:
    """One line of a JSON Lines file, without its line end. Bytes that are no UTF-8 are lone surrogates in its text."""

    def __init__(self, text: str, surroundings: Surroundings, cut_from: int | None = None) -> None:
        """cut_from: the length in bytes of a line that is too long to be read; `text` is then its beginning."""
        self.text = text
        self.surroundings = surroundings
        self.cut_from = cut_from
        self.error: Fault | None = None
        """The first fault of a line that is no JSON."""
        self.value: Any = None
        self.sample: Sample | None = None
        """The parsed object; None when the line holds none."""
        self.format: SampleFormat | None = None
        """That of the layout."""
        self.compact = b""
        """The value as JSON without white space; empty when there is an error."""
        self.layout: Layout | None = None
        """The file's layout, unless the sample has the keys of another one; None when it has those of none."""
        self.plain = False
        """Whether one glance shows that the rules of the sample format have nothing to say."""
        if cut_from is not None:
            message = f"a line of {cut_from:,} bytes, more than is read: is a line end missing between samples?"
            self.error = Fault(Sort.TOO_MUCH, 0, len(text), message)
            return
        try:
            value = orjson.loads(text.removeprefix(BOM))
            self.compact = orjson.dumps(value)  # refuses what is nested too deep for the rules
            self.value = value
            self._see_layout()
        except (orjson.JSONDecodeError, TypeError) as error:
            self.compact = b""
            found = self.faults.found
            self.error = found[0] if found else Fault(Sort.SYNTAX, 0, len(text), str(error).partition(": line")[0])

    def remembered(self, find: Callable[[Line], _Found]) -> _Found:
        """What `find` finds in this line, which is looked for once."""
        noted = self.__dict__.setdefault("_noted", {})
        if find not in noted:
            noted[find] = find(self)
        found: _Found = noted[find]
        return found

    def remember(self, find: Callable[[Line], _Found], found: _Found) -> None:
        """Note what `find` finds in this line, which was found in another way: for many lines at once."""
        self.__dict__.setdefault("_noted", {})[find] = found

    def has(self, find: Callable[[Line], Any]) -> bool:
        """Whether it is noted already."""
        return find in self.__dict__.get("_noted", ())

    @once
    def faults(self) -> Faults:
        """Everything that keeps the line from being JSON, as far as it is known."""
        from lintune_server.lint import json_faults

        return json_faults.find(self.text) if self.cut_from is None else json_faults.Faults((), mendable=False)

    @once
    def positions(self) -> json_source.Node:
        return json_source.scan(self.text)

    def _see_layout(self) -> None:
        sample, of_file = self.value, self.surroundings.layout
        if not isinstance(sample, dict):
            return
        self.sample = sample
        if of_file is not None and of_file.required_set <= sample.keys():
            self.layout, self.plain = of_file, is_plain(sample, of_file)
            self.format = of_file.format
            return
        own = layouts.detect(sample)
        has_all = own is not None and own.required_set <= sample.keys()
        lacks_some = of_file is not None and any(key in sample for key in of_file.required)
        self.layout = of_file if lacks_some and not has_all else own
        self.format = self.layout.format if self.layout else None

    @once
    def ignored(self) -> tuple[str, ...]:
        """Rule codes that the sample's author accepts."""
        codes = self.sample.get(samples.IGNORE_KEY) if self.sample else None
        return tuple(code for code in codes if isinstance(code, str)) if isinstance(codes, list) else ()

    @once
    def message_lists(self) -> list[list[Message]]:
        """Lists of messages as they stand in the sample, whatever is wrong with them: one in a chat."""
        if self.sample is None or self.layout is None:
            return []
        return message_lists_of(self.sample, self.layout)

    @property
    def messages(self) -> list[Message]:
        """The messages of all lists."""
        lists = self.message_lists
        return lists[0] if len(lists) == 1 else [message for one in lists for message in one]

    @once
    def threads(self) -> list[Thread]:
        """The conversations in a sample with messages, system message and prompt included: two in preference pairs."""
        if self.sample is None or self.layout is None:
            return []
        return threads_of(self.sample, self.layout)

    @once
    def segments(self) -> list[Segment]:
        """The segments of raw text; none in other formats."""
        if self.sample is None or self.layout is None:
            return []
        return segments_of(self.sample, self.layout)

    @once
    def texts(self) -> list[Text]:
        """Every string that reaches the model, with its path, its role, and whether it is learned."""
        if self.sample is None or self.layout is None:
            return []
        return texts_of(self.sample, self.layout)

    @once
    def answers(self) -> list[Text]:
        """The texts that the model learns to write; of a preference pair both."""
        return [text for text in self.texts if text.learned]

    @once
    def taught(self) -> list[Text]:
        """The answers that the sample teaches: of a preference pair the chosen one."""
        if self.layout is None or self.format is not SampleFormat.PREFERENCE:
            return self.answers
        chosen = self.layout.key("chosen")
        return [answer for answer in self.answers if answer.path[0] == chosen]

    @once
    def prompts(self) -> list[Text]:
        """The texts that the model is given: the system's, the user's, those of tools."""
        return [text for text in self.texts if not text.learned]

    @once
    def conversation(self) -> Conversation | None:
        """What is trained on; None when the sample's shape does not allow to read it."""
        if self.sample is None or self.layout is None:
            return None
        try:
            return conversations.read(self.sample, self.layout)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    @once
    def _measured(self) -> MeasuredChat | TemplateError | None:
        tokenizer = self.surroundings.tokenizer
        if tokenizer is None or self.conversation is None:
            return None
        return tokenizer.measure([self.conversation], self.surroundings.train_on_inputs)[0]

    @property
    def measured(self) -> MeasuredChat | None:
        """The rendered text and its counts of tokens; None without a tokenizer, or when the template refuses."""
        measured = self._measured
        return None if isinstance(measured, TemplateError) else measured

    @property
    def counted(self) -> MeasuredChat | None:
        """`measured` where it is known already: facts are kept of every sample, tokens are counted of sound ones."""
        measured = self.__dict__.get("_measured")
        return None if isinstance(measured, TemplateError) else measured

    @property
    def refusal(self) -> TemplateError | None:
        """Why the chat template does not render this sample; None when it does, or was not asked."""
        measured = self._measured
        return measured if isinstance(measured, TemplateError) else None

    @once
    def tokenized(self) -> TokenizedChat | None:
        """Every token with its place and whether it is learned. Slow: for where `measured` is not enough."""
        tokenizer, measured = self.surroundings.tokenizer, self.measured
        if tokenizer is None or measured is None:
            return None
        return tokenizer.tokenize_rendered(measured.rendered, self.surroundings.train_on_inputs)


def measure(lines: list[Line]) -> None:
    """Count the tokens of many lines at once, which is faster than one after the other."""
    asked = [line for line in lines if line.conversation is not None]
    tokenizer = asked[0].surroundings.tokenizer if asked else None
    if tokenizer is None:
        return
    conversations_ = [line.conversation for line in asked if line.conversation is not None]
    measured = tokenizer.measure(conversations_, asked[0].surroundings.train_on_inputs)
    for line, result in zip(asked, measured, strict=True):
        line.__dict__["_measured"] = result  # where cached_property keeps it
