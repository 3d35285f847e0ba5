"""The hover of a sample, as Markdown: its tokens, what the model sees, what of it is learned, and answers.

Pure functions of what was read; nothing here asks or loads anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.chat import TokenizedChat
    from lintune_schemas.conversations import Turn
    from lintune_schemas.samples import SampleFormat

LEARNED_OPEN, LEARNED_CLOSE = "⟦", "⟧"
"""Around what the model learns to write. Rare in text, and in the fonts that editors use."""

_LONGEST = 6_000
"""Characters of a text that a hover shows; the middle of a longer one is left out."""


@dataclass(frozen=True, slots=True)
class TunedAnswer:
    """What is known of the tuned model's answer: the text, or why there is none (yet)."""

    run: str | None
    """Name of the run directory; None when there is none to name."""
    text: str | None = None
    note: str = ""
    """“asking …”, or what went wrong."""


@dataclass(frozen=True, slots=True)
class SamplePage:
    """All that the hover of one sample shows."""

    line: int
    """0-based."""
    format: SampleFormat
    turns: Sequence[Turn]
    tokenized: TokenizedChat | None
    problem: str | None
    """Why there are no tokens."""
    sequence_len: int | None
    reference: str | None = None
    answer: TunedAnswer | None = None

    def markdown(self) -> str:
        # Editors show a dozen lines of a hover before one has to scroll: the answers come before the template.
        parts = [self._summary()]
        if self.tokenized is not None:
            parts += [self._turns(self.tokenized), *self._answers(), self._rendered(self.tokenized)]
        else:
            parts += [f"*{self.problem}*"] if self.problem else []
            parts += self._answers()
        return "\n\n".join(parts)

    def _summary(self) -> str:
        words = [f"**Sample on line {self.line + 1}**", self.format.value, _count(len(self.turns), "message")]
        if self.tokenized is not None:
            tokens = len(self.tokenized.ids)
            limit = f" of {self.sequence_len:,}" if self.sequence_len else ""
            over = " — **too long**" if self.sequence_len and tokens > self.sequence_len else ""
            words.append(f"**{tokens:,}{limit} tokens**{over}")
            words.append(f"{self.tokenized.trained_tokens:,} learned")
        return " · ".join(words)

    def _turns(self, tokenized: TokenizedChat) -> str:
        """The tokens of each message, with what the chat template writes around it."""
        counted = zip(self.turns, tokenized.turn_tokens(), strict=False)
        return "Tokens: " + " · ".join(
            f"{turn.role} {tokens:,}{' (learned)' if turn.trained else ''}" for turn, tokens in counted
        )

    def _rendered(self, tokenized: TokenizedChat) -> str:
        doubt = "" if tokenized.rendered.exact else " (approximate: the chat template rewrites earlier messages)"
        title = f"What the model sees; between {LEARNED_OPEN} {LEARNED_CLOSE} what it learns to write{doubt}"
        return f"{title}\n{fence(marked(tokenized))}"

    def _answers(self) -> list[str]:
        parts = []
        if self.answer is not None:
            title = f"**Tuned model** · run {self.answer.run}" if self.answer.run else "**Tuned model**"
            if self.answer.text is not None:
                same = self.reference is not None and self.answer.text.strip() == self.reference.strip()
                parts.append(f"{title}{' · equals the reference' if same else ''}\n{fence(self.answer.text)}")
            else:
                parts.append(f"{title}\n\n*{self.answer.note}*")
            if self.reference is not None:
                parts.append(f"**Reference**\n{fence(self.reference)}")
        return parts


def marked(tokenized: TokenizedChat) -> str:
    """The rendered text with marks around what is learned, as the loss mask says, token by token."""
    text = tokenized.rendered.text
    parts: list[str] = []
    at = 0
    inside = False
    for (start, end), trained in zip(tokenized.offsets, tokenized.trained, strict=True):
        if trained != inside:
            # At the start of the first token that is learned, or the end of the last. A character may be made
            # of several tokens, all of which have its place.
            edge = max(start, at) if trained else at
            parts += [text[at:edge], LEARNED_OPEN if trained else LEARNED_CLOSE]
            at, inside = edge, trained
        if end > at:
            parts.append(text[at:end])
            at = end
    if inside:
        parts.append(LEARNED_CLOSE)
    parts.append(text[at:])
    return "".join(parts)


def fence(text: str) -> str:
    """A code block that shows a text as it is, backticks and all; the middle of a long one is left out."""
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}text\n{text}\n{ticks}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
