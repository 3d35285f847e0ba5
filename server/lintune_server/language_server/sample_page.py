"""The hover of a sample, as Markdown: its tokens, what the model sees, what of it is learned, and answers.

Pure functions of what was read; nothing here asks or loads anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_server import word_diff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.chat import TokenizedChat
    from lintune_schemas.conversations import Turn
    from lintune_schemas.run_evaluation import SampleResult
    from lintune_schemas.samples import SampleFormat

LEARNED_OPEN, LEARNED_CLOSE = "⟦", "⟧"
"""Around what the model learns to write. Rare in text, and in the fonts that editors use."""

_LONGEST = 6_000
"""Characters of a text that a hover shows; the middle of a longer one is left out."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of a model's answer: the text, as far as it has come, or why there is none (yet)."""

    title: str
    detail: str = ""
    """Which run it is of."""
    text: str | None = None
    note: str = ""
    """“asking …”, or what went wrong."""
    tokens_per_second: float | None = None
    """None while it is still written."""
    cut: bool = False
    """Whether `max_tokens` ended it."""


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
    said: Sequence[Said] = ()
    result: SampleResult | None = None
    """How the models did on it when the run was evaluated."""
    link: str | None = None
    """Where all of the answers can be read."""
    whole: bool = False
    """Whether texts are shown whole, however long they are."""

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
        if self.result is not None and (verdict := evaluated(self.result)):
            parts.append(verdict)
        parts += [self._answer(said) for said in self.said]
        if self.said and self.reference is not None:
            parts.append(f"**Reference**\n{self._fence(self.reference)}")
        if self.link and self.is_incomplete:
            parts.append(f"[Open the whole answers]({self.link})")
        return parts

    def _answer(self, said: Said) -> str:
        words = [f"**{said.title}**", *([said.detail] if said.detail else [])]
        if said.text is None:
            return f"{' · '.join(words)}\n\n*{said.note}*"
        written = said.tokens_per_second is not None
        reference = self.reference if written else None
        if reference is not None and said.text.strip() == reference.strip():
            words.append("equals the reference")
        if said.tokens_per_second:
            words.append(f"{said.tokens_per_second:,.0f} tokens/s")
        if not written:
            words.append("*so far*")
        elif said.cut:
            words.append("cut at max_tokens")
        difference = word_diff.shown(reference, said.text) if reference is not None else None
        blocks = []
        if difference is not None:
            words.append("`-` the reference, `+` the answer")
            blocks.append(self._fence(difference, "diff"))
        if difference is None or self.whole:
            blocks.append(self._fence(said.text))
        return "\n".join([" · ".join(words), *blocks])

    def _fence(self, text: str, language: str = "text") -> str:
        return fence(text, language, len(text) if self.whole else _LONGEST)

    @property
    def is_incomplete(self) -> bool:
        """Whether there is, or will be, more of the answers than is shown."""
        return any(
            said.tokens_per_second is None or len(said.text or "") > _LONGEST or _is_cut(said.text or "")
            for said in self.said
        )


def _is_cut(text: str) -> bool:
    return word_diff.cut(text) != text


def evaluated(result: SampleResult) -> str | None:
    """What the evaluation of a run said of a sample: “**Fixed**: base wrong, tuned right; loss 3.1 → 0.01 a token”."""
    base, tuned, mark = result.base, result.tuned, result.mark
    if base is None or tuned is None or mark is None:
        return None
    verdicts = ["right" if score.is_right else "wrong" for score in (base, tuned)]
    return (
        f"**{mark.value.capitalize()}**: base {verdicts[0]}, tuned {verdicts[1]}; "
        f"loss {base.loss:.2g} → {tuned.loss:.2g} a token"
    )


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


def fence(text: str, language: str = "text", longest: int = _LONGEST) -> str:
    """A code block that shows a text as it is, backticks and all; the middle of a long one is left out."""
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
