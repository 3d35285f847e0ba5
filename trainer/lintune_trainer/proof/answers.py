"""Greedy answers: whether llama.cpp gives those of the trained model, and comes to their end by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from lintune_schemas.events import Check, Link
from lintune_trainer.proof.passages import evenly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_schemas.chat import ChatTokenizer
    from lintune_schemas.conversations import Conversation
    from lintune_trainer.proof.llama import LlamaModel
    from lintune_trainer.proof.reference import Reference

_PROMPTS = 5
_SHORTEST, _LONGEST = 32, 256
"""Limits, in tokens, of how far an answer is followed."""
_OPERATIONS, _FEWEST = 4e12, 80
"""What writing all answers may cost, at two operations a weight and token, and tokens that are written in any case."""

_NEAR_TIE = {torch.float32: 0.1, torch.bfloat16: 1.0}
"""Logits by which one token may be ahead of another and still come second in llama.cpp, by the dtype that
transformers computes in. Measured over 970 positions of SmolLM2-135M (f16 file, AVX-512 CPU): the difference
between the two best tokens varies by 0.003 on average and 0.03 at most with fp32, by 0.09 and 0.46 with bf16.
The limits are two to three times the largest; a wrong scale, permutation or rope base moves logits by whole
units."""


class Prompt(NamedTuple):
    ids: list[int]
    limit: int
    """Tokens after which its answer is followed no further."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A greedy answer of llama.cpp, end token included; and what the merged model makes of each token."""

    ids: list[int]
    ended: bool
    best: list[int]
    """The merged model's own choice at each position."""
    gaps: list[float]
    """By how much, in logits, that choice is ahead of llama.cpp's; 0 where they are the same."""

    @property
    def parting(self) -> int | None:
        """The first position where the two choose differently."""
        return next((index for index, id_ in enumerate(self.ids) if self.best[index] != id_), None)


def prompts(conversations: Sequence[Conversation], chat: ChatTokenizer, weights: int) -> list[Prompt]:
    """What is asked for the first answer of some conversations. weights: of the model, their number."""
    asked = []
    for conversation in conversations:
        first = next((index for index, turn in enumerate(conversation.turns) if turn.trained), 0)
        if first:
            asked.append((conversation.upto(first), conversation.turns[first].content))
    longest = max(int(_OPERATIONS / (2 * max(weights, 1))), _FEWEST) // _PROMPTS
    return [
        Prompt(
            chat.tokenizer.encode(chat.prompt(question), add_special_tokens=False).ids,
            min(max(2 * chat.count(reference), _SHORTEST), _LONGEST, longest),
        )
        for question, reference in evenly(asked, _PROMPTS)
    ]


def ask(prompts: Sequence[Prompt], model: LlamaModel, reference: Reference, chat: ChatTokenizer) -> list[Answer]:
    """Answers of llama.cpp, followed by the merged model: one pass over an answer gives every choice that greedy
    decoding there would make as long as the two agree. Raises LlamaError."""
    answers = []
    for prompt in prompts:
        given = model.answer(prompt.ids, prompt.limit, chat.end_tokens.values())
        answers.append(Answer(given.ids, given.ended, *reference.follow(prompt.ids, given.ids)))
    return answers


def same_answers(answers: Sequence[Answer], reference: Reference, chat: ChatTokenizer) -> Check:
    name, near_tie, equal, widest = "greedy answers", _NEAR_TIE[reference.dtype], 0, 0.0
    for number, answer in enumerate(answers, start=1):
        parting = answer.parting
        if parting is None:
            equal += 1
            continue
        gap = answer.gaps[parting]
        widest = max(widest, gap)
        if gap > near_tie:
            theirs, ours = (
                chat.tokenizer.decode([ids[parting]], skip_special_tokens=False) for ids in (answer.ids, answer.best)
            )
            detail = (
                f"in answer {number}, token {parting + 1}, llama.cpp says {theirs!r} where the trained model says "
                f"{ours!r}, ahead by {gap:.2f} logits"
            )
            return Check(name, False, detail, Link.WEIGHTS, figures={"gap": gap, "gap_limit": near_tie})
    tokens = sum(len(answer.ids) for answer in answers)
    ties = f", {len(answers) - equal} up to a near-tie" if equal < len(answers) else ""
    return Check(
        name,
        True,
        f"{equal} of {len(answers)} answers ({tokens} tokens) are the same to the end{ties}",
        figures={"answers": len(answers), "equal": equal, "tokens": tokens, "gap": widest, "gap_limit": near_tie},
    )


def stops(answers: Sequence[Answer]) -> Check:
    """An answer must end where the trained model ends it: at a token that llama.cpp stops at.

    Whether that is soon is a matter of training, not of the export: `same_answers` has compared the tokens.
    """
    ended = sum(answer.ended for answer in answers)
    return Check(
        "generation stops",
        True,
        f"{ended} of {len(answers)} answers end by themselves, as in the trained model",
        figures={"answers": len(answers), "ended": ended},
    )
