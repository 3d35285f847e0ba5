"""From a conversation to tokens and labels: chat template, tokenizer, loss mask. There is no second implementation.

The trainer's labels, the hover that shows what is learned, the token counts of the rules and the prompt that the
tuned model is asked with all come from `ChatTokenizer`.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from lintune_schemas.chat_template import ChatTemplate, TemplateError
from lintune_schemas.template_sandbox import EndlessTemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tokenizers import Tokenizer

    from lintune_schemas.chat_template import Rendering
    from lintune_schemas.compiled_template import CompiledTemplate
    from lintune_schemas.conversations import Conversation, Turn
    from lintune_schemas.token_counts import Counts, TokenCounter

_END_OF_TURN_TOKENS = (
    "<|im_end|>",  # ChatML: Qwen, SmolLM2
    "<|eot_id|>",  # Llama 3
    "<end_of_turn>",  # Gemma 2 and 3
    "<turn|>",  # Gemma 4
    "<|end|>",  # Phi-3
    "</s>",  # Llama 2, Mistral
)
"""Tokens that end a turn in chat templates in use; those count that the tokenizer knows as one special token."""

IGNORED_LABEL = -100
"""The label that PyTorch's cross-entropy, and so every Hugging Face model, leaves out of the loss."""

_WORTH_LOADING = 300_000
"""Characters. The exact tokenizer takes 0.3 µs for one, the fast one 0.1 s to load: from here on it pays."""
_WORTH_COMPILING = 50
"""Conversations. A template is compiled for those of the same roles, of which there must be many."""


class RenderedChat(NamedTuple):
    """A conversation through the chat template: the text, and where in it each turn and each trained span is."""

    text: str
    turns: tuple[tuple[int, int], ...]
    """For each turn the half-open range of characters that it added, template text included."""
    trained: tuple[tuple[int, int], ...]
    """Half-open ranges of characters that the model learns to write, end-of-turn token included."""
    exact: bool
    """False when the prompt rendered alone is no prefix of the whole: the mask can then only be approximate."""


@dataclass(frozen=True, slots=True)
class TokenizedChat:
    """A rendered conversation in tokens. All sequences have one entry a token."""

    rendered: RenderedChat
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    """Half-open ranges of characters in `rendered.text`."""
    trained: tuple[bool, ...]
    """The loss mask: True where the model learns to predict this token."""

    @property
    def labels(self) -> list[int]:
        """Token ids where trained, `IGNORED_LABEL` elsewhere. Unshifted, as Hugging Face models expect."""
        return [id_ if trained else IGNORED_LABEL for id_, trained in zip(self.ids, self.trained, strict=True)]

    @property
    def trained_tokens(self) -> int:
        return sum(self.trained)

    def turn_tokens(self) -> list[int]:
        """How many tokens each turn takes, its template text included."""
        counts = [0] * len(self.rendered.turns)
        ends = [end for _, end in self.rendered.turns]
        turn = 0
        for start, _ in self.offsets:
            while turn < len(ends) - 1 and start >= ends[turn]:
                turn += 1
            if counts:
                counts[turn] += 1
        return counts


class MeasuredChat(NamedTuple):
    """A rendered conversation, and how many tokens it has: what is enough to know of most."""

    rendered: RenderedChat
    tokens: int
    trained_tokens: int


class ChatTokenizer:
    """A model's own tokenizer and chat template.

    tokenizer: as in the model's `tokenizer.json`, without truncation and padding.
    template: the chat template, or None for a base model that has none.
    special: the texts of `bos_token`, `eos_token` and so on.
    file: the `tokenizer.json`, where the fast tokenizer can read it.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        template: str | None,
        special: dict[str, str],
        add_bos: bool,
        file: Path | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.special = special
        self.add_bos = add_bos
        self.file = file
        self._measured = 0  # conversations
        self._endless: EndlessTemplateError | None = None
        self._counted = 0  # characters
        self.template = ChatTemplate(template, special) if template else None

    @property
    def eos_token(self) -> str | None:
        return self.special.get("eos_token")

    @cached_property
    def special_tokens(self) -> dict[str, int]:
        """Every control token (`<|im_end|>`, …) with its id; each is read as one token wherever its text stands."""
        added: dict[int, Any] = self.tokenizer.get_added_tokens_decoder()
        return {token.content: id_ for id_, token in added.items() if token.special}

    @cached_property
    def special_pattern(self) -> re.Pattern[str]:
        """Matches the text of any special token, the longest one where several begin."""
        longest_first = sorted(self.special_tokens, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    @cached_property
    def end_tokens(self) -> dict[str, int]:
        """The tokens at which generation stops: the model's EOS, and its end-of-turn tokens."""
        names = (*_END_OF_TURN_TOKENS, *([self.eos_token] if self.eos_token else []))
        return {name: self.special_tokens[name] for name in names if name in self.special_tokens}

    @cached_property
    def _end_ids(self) -> frozenset[int]:
        return frozenset(self.end_tokens.values())

    def render(self, conversation: Conversation) -> RenderedChat:
        """Render a whole conversation and find its trained spans. Raises TemplateError, with the template's words."""
        if self.template is None or not conversation.templated:
            return self._render_plain(conversation)
        turns = conversation.turns
        messages = [turn.as_message() for turn in turns]
        asked = [index for index, turn in enumerate(turns) if turn.trained]
        return _spans(turns, self.template.render_turns(messages, asked, conversation.tools))

    def prompt(self, conversation: Conversation) -> str:
        """The text that asks the model for the turn after `conversation`. Raises TemplateError."""
        if self.template is None or not conversation.templated:
            return self._plain_start(conversation) + "".join(turn.content for turn in conversation.turns)
        messages = [turn.as_message() for turn in conversation.turns]
        return self.template.render(messages, add_generation_prompt=True, tools=conversation.tools)

    def tokenize(self, conversation: Conversation, train_on_inputs: bool = False) -> TokenizedChat:
        """Render and tokenize a conversation; with `train_on_inputs` every token is learned. Raises TemplateError."""
        return self.tokenize_rendered(self.render(conversation), train_on_inputs)

    def prepare(self) -> None:
        """Load now what `measure` loads for large batches, so that processes that are forked from this one have it."""
        self._counted = _WORTH_LOADING
        self._measured = _WORTH_COMPILING
        _ = self._fast_counter, self._compiled_template

    def measure(
        self, conversations: Sequence[Conversation], train_on_inputs: bool = False
    ) -> list[MeasuredChat | TemplateError]:
        """What `tokenize` would count of each conversation, or how the template refuses it."""
        self._measured += len(conversations)
        compiled = self._compiled_template if self._measured > _WORTH_COMPILING else None
        if compiled:
            compiled.begin()
        rendered = [self._render_fast(conversation, compiled) for conversation in conversations]
        chats = [chat for chat in rendered if isinstance(chat, RenderedChat)]
        counts = iter(self._counts(chats, train_on_inputs))
        return [chat if isinstance(chat, TemplateError) else MeasuredChat(chat, *next(counts)) for chat in rendered]

    def _render_fast(
        self, conversation: Conversation, compiled: CompiledTemplate | None
    ) -> RenderedChat | TemplateError:
        """What `render` gives or raises, without running the template where it is known what that writes."""
        turns = conversation.turns
        plain = conversation.templated and not conversation.tools and not any(turn.extra for turn in turns)
        if plain and compiled:
            rendering = compiled.render(
                tuple([turn.role for turn in turns]),
                tuple([index for index, turn in enumerate(turns) if turn.trained]),
                [turn.content for turn in turns],
            )
            if rendering is not None:
                return _spans(turns, rendering)
        if self._endless is not None:
            return self._endless
        try:
            return self.render(conversation)
        except EndlessTemplateError as error:
            self._endless = error  # two seconds for each of many samples would be an hour
            return error
        except TemplateError as error:
            return error

    @cached_property
    def _compiled_template(self) -> CompiledTemplate | None:
        from lintune_schemas.compiled_template import CompiledTemplate

        return CompiledTemplate(self.template) if self.template else None

    def _counts(self, chats: Sequence[RenderedChat], train_on_inputs: bool) -> list[Counts]:
        """Tokens and trained tokens of each chat: from the fast tokenizer where it is proven equal, else exactly."""
        self._counted += sum(len(chat.text) for chat in chats)
        fast = self._fast_counter if self._counted > _WORTH_LOADING else None
        found = fast.count(chats, train_on_inputs) if fast else [None] * len(chats)
        return [counts or self._exact_counts(chat, train_on_inputs) for chat, counts in zip(chats, found, strict=True)]

    def _exact_counts(self, chat: RenderedChat, train_on_inputs: bool) -> Counts:
        tokenized = self.tokenize_rendered(chat, train_on_inputs)
        return len(tokenized.ids), tokenized.trained_tokens

    @cached_property
    def _fast_counter(self) -> TokenCounter | None:
        if self.file is None:
            return None
        with _without_threads():
            from lintune_schemas import fast_tokenizer
            from lintune_schemas.token_counts import TokenCounter

            fast = fast_tokenizer.load(self.file, self.tokenizer)
        return TokenCounter(fast, self._end_ids) if fast else None

    def tokenize_rendered(self, rendered: RenderedChat, train_on_inputs: bool = False) -> TokenizedChat:
        encoding = self.tokenizer.encode(rendered.text, add_special_tokens=False)
        ids, offsets = encoding.ids, encoding.offsets
        mask = [train_on_inputs] * len(ids)
        for start, end in () if train_on_inputs else rendered.trained:
            # Tokens begin in the order of the text, so those that begin in the span stand together.
            first = bisect_left(offsets, (start,))
            beyond = bisect_left(offsets, (end,), first)
            # What the template writes after the end-of-turn token (often a line end) is not the model's to learn.
            last = next((index for index in range(beyond - 1, first - 1, -1) if ids[index] in self._end_ids), None)
            learned = beyond if last is None else last + 1
            mask[first:beyond] = [True] * (learned - first) + [False] * (beyond - learned)
        return TokenizedChat(rendered, tuple(ids), tuple(offsets), tuple(mask))

    def count(self, text: str) -> int:
        """Tokens in a text by itself; special tokens in it count as one."""
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def _render_plain(self, conversation: Conversation) -> RenderedChat:
        """Without a chat template: the texts one after the other, EOS at the end, as completion data is trained."""
        turns = conversation.turns
        text = self._plain_start(conversation)
        spans, trained = [], []
        for index, turn in enumerate(turns):
            start = len(text)
            text += turn.content
            # As in Axolotl, EOS is not written twice, and segments (input_output) bring their own.
            if index == len(turns) - 1 and self.eos_token and not conversation.verbatim:
                text += "" if text.endswith(self.eos_token) else self.eos_token
            spans.append((start, len(text)))
            if turn.trained:
                trained.append((start, len(text)))
        return RenderedChat(text, tuple(spans), tuple(trained), exact=True)

    def _plain_start(self, conversation: Conversation) -> str:
        """BOS, for a model that was trained with one; where there is a chat template, it writes BOS itself."""
        return self.special.get("bos_token", "") if self.add_bos and not conversation.verbatim else ""

    @property
    def adds_bos(self) -> bool:
        """Whether the tokenizer puts BOS before every text by itself: the model was then trained with it."""
        return self.add_bos


@contextmanager
def _without_threads() -> Iterator[None]:
    """A process with threads cannot be forked safely, and libraries start some when they are loaded or first asked:
    numpy's linear algebra, which is not used here, and what encodes texts in parallel."""
    settings = {"OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _spans(turns: Sequence[Turn], rendering: Rendering) -> RenderedChat:
    """Where turns and trained spans are. A template that writes nothing for a turn until the next one, or rewrites
    earlier turns, does not say where; the spans are then approximate."""
    exact = True
    spans: list[tuple[int, int]] = []
    trained: list[tuple[int, int]] = []
    prompts = iter(rendering.prompts)
    start = 0
    for turn, known_end in zip(turns, rendering.ends, strict=True):
        end = start if known_end is None else known_end
        spans.append((start, end))
        if turn.trained:
            prompt = next(prompts)
            exact = exact and known_end is not None and prompt is not None
            trained.append((start if prompt is None else prompt, end))
        start = end
    return RenderedChat(rendering.text, tuple(spans), tuple(trained), exact)
