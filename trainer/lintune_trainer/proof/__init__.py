"""The proof that exported files behave as the trained model: same tokens, same template, same answers.

Needs the serve extra (llama.cpp).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import llama_cpp
import torch

from lintune_schemas.events import Check
from lintune_schemas.processor import processor
from lintune_trainer import models
from lintune_trainer.precision import same_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.chat import ChatTokenizer, TokenizedChat
    from lintune_schemas.conversations import Conversation

_TEXTS = 10
_PROMPTS = 3

_PROBE = "a\n  1  23 ² 4"
"""White space in front of digits, and a digit that is none in ASCII: tokenizers that were rebuilt wrongly
split these differently, while most samples come out the same."""

_NEAR_TIE = {torch.float32: 0.1, torch.bfloat16: 1.0}
"""Logits by which one token may be ahead of another and still come second in llama.cpp, by the dtype that
transformers computes in. Measured over 970 positions of SmolLM2-135M (f16 file, AVX-512 CPU): the difference
between the two best tokens varies by 0.003 on average and 0.03 at most with fp32, by 0.09 and 0.46 with bf16.
The limits are two to three times the largest; a wrong scale, permutation or rope base moves logits by whole
units."""

_SHORTEST, _LONGEST = 32, 256
"""Limits, in tokens, of how far an answer is followed."""


@dataclass(frozen=True, slots=True)
class _Answer:
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


@dataclass(frozen=True, slots=True)
class Proof:
    """The checks, and of the answers they looked at how many ended by themselves."""

    checks: list[Check]
    answers: int
    ended: int

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def prove(
    f16: Path,
    others: Sequence[Path],
    merged: Path,
    chat: ChatTokenizer,
    conversations: Sequence[Conversation],
) -> Proof:
    """Compare GGUF files with the merged model in transformers.

    f16: compared in tokens, template and answers. others: its quantizations, in tokens and weights, since
    their answers may differ. conversations: what to compare with; ten, and three prompts, are taken from them
    evenly.
    """
    samples = [chat.tokenize(conversation) for conversation in _evenly(conversations, _TEXTS)]
    texts = [sample.rendered.text for sample in samples] + [_PROBE]
    prompts = list(_prompts(conversations, chat))
    try:
        tokens = [_same_tokens(gguf, chat, texts) for gguf in (f16, *others)]
        weights = [same_weights(f16, gguf) for gguf in others]
        answers, dtype = _answers(f16, merged, chat, prompts)
    except ValueError as error:  # llama_cpp: "Failed to load model from file"
        return Proof([Check("loads", False, f"link format: a file is broken ({error})")], 0, 0)
    checks = [
        *tokens,
        *weights,
        _same_template(f16, chat),
        _same_answers(answers, dtype, chat),
        _stops(f16, answers, chat, samples),
    ]
    return Proof(checks, len(answers), sum(answer.ended for answer in answers))


def _evenly(items: Sequence[Any], count: int) -> list[Any]:
    """At most `count` of the items, from all over the sequence."""
    return [items[index * len(items) // count] for index in range(count)] if len(items) > count else list(items)


def _prompts(conversations: Sequence[Conversation], chat: ChatTokenizer) -> Iterator[tuple[list[int], int]]:
    """Prompts in tokens, each with the number of tokens after which its answer is followed no further."""
    asked = []
    for conversation in conversations:
        first = next((index for index, turn in enumerate(conversation.turns) if turn.trained), 0)
        if first:
            asked.append((conversation.upto(first), conversation.turns[first].content))
    for question, reference in _evenly(asked, _PROMPTS):
        prompt = chat.tokenizer.encode(chat.prompt(question), add_special_tokens=False).ids
        yield prompt, min(max(2 * chat.count(reference), _SHORTEST), _LONGEST)


def _same_tokens(gguf: Path, chat: ChatTokenizer, texts: Sequence[str]) -> Check:
    vocabulary = llama_cpp.Llama(str(gguf), vocab_only=True, verbose=False)
    name, count = f"tokens of {gguf.name}", 0
    for text in texts:
        ours = chat.tokenizer.encode(text, add_special_tokens=False).ids
        theirs = vocabulary.tokenize(text.encode(), add_bos=False, special=True)
        if ours != theirs:
            index = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), len(theirs))
            where = chat.tokenizer.decode(ours[max(index - 3, 0) : index + 3], skip_special_tokens=False)
            return Check(
                name,
                False,
                f"link tokenizer: llama.cpp splits {where!r} differently (token {index}: "
                f"{theirs[index : index + 3]}, trained with {ours[index : index + 3]})",
            )
        count += len(ours)
    return Check(name, True, f"{len(texts)} texts, {count:,} tokens: the ids are those that were trained with")


def _same_template(gguf: Path, chat: ChatTokenizer) -> Check:
    vocabulary = llama_cpp.Llama(str(gguf), vocab_only=True, verbose=False)
    written = vocabulary.metadata.get("tokenizer.chat_template")
    trained = chat.template.source if chat.template else None
    if written == trained:
        return Check("chat template", True, "the file holds the template that was trained with")
    return Check("chat template", False, "link template: the file holds another chat template than was trained with")


def _answers(
    f16: Path, merged: Path, chat: ChatTokenizer, prompts: Sequence[tuple[list[int], int]]
) -> tuple[list[_Answer], torch.dtype]:
    """Greedy answers of llama.cpp, followed by the merged model: one pass over an answer gives every choice
    that greedy decoding there would make as long as the two agree."""
    dtype = _affordable_dtype(merged)
    model = models.load(merged, dtype, device="cuda" if torch.cuda.is_available() else "cpu")
    longest = max((len(prompt) + limit for prompt, limit in prompts), default=0)
    llama = llama_cpp.Llama(
        str(f16),
        n_ctx=longest + 8,
        n_threads=processor().cores,
        n_threads_batch=processor().cores,
        verbose=False,
        # Half-precision keys and values are a saving of the server's, not a property of the file.
        type_k=llama_cpp.GGML_TYPE_F32,
        type_v=llama_cpp.GGML_TYPE_F32,
    )
    answers = []
    for prompt, limit in prompts:
        ids: list[int] = []
        ended = False
        for token in llama.generate(prompt, temp=0.0):
            ids.append(token)
            ended = token in chat.end_tokens.values()
            if ended or len(ids) == limit:
                break
        answers.append(_followed(model, prompt, ids, ended))
    llama.close()
    return answers, dtype


@torch.no_grad()
def _followed(model: Any, prompt: list[int], ids: list[int], ended: bool) -> _Answer:
    tokens = torch.tensor([prompt + ids[:-1]], device=model.device)
    logits = model(input_ids=tokens).logits[0, len(prompt) - 1 :].float()
    best = logits.max(-1)
    gaps = best.values - logits.gather(1, torch.tensor(ids, device=model.device)[:, None])[:, 0]
    return _Answer(ids, ended, best.indices.tolist(), gaps.tolist())


def _affordable_dtype(merged: Path) -> torch.dtype:
    """fp32, in which small differences tell most, unless that takes over half of the machine's memory."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # Windows
        memory = 8 * 2**30
    return torch.float32 if 2 * models.size(merged) < memory / 2 else torch.bfloat16


def _same_answers(answers: Sequence[_Answer], dtype: torch.dtype, chat: ChatTokenizer) -> Check:
    name, near_tie, equal = "greedy answers", _NEAR_TIE[dtype], 0
    for number, answer in enumerate(answers, start=1):
        parting = answer.parting
        if parting is None:
            equal += 1
        elif answer.gaps[parting] > near_tie:
            theirs, ours = (
                chat.tokenizer.decode([ids[parting]], skip_special_tokens=False) for ids in (answer.ids, answer.best)
            )
            return Check(
                name,
                False,
                f"link weights: in answer {number}, token {parting + 1}, llama.cpp says {theirs!r} where the "
                f"trained model says {ours!r}, ahead by {answer.gaps[parting]:.2f} logits (a tie is below "
                f"{near_tie})",
            )
    tokens = sum(len(answer.ids) for answer in answers)
    ties = f", {len(answers) - equal} up to a near-tie" if equal < len(answers) else ""
    return Check(name, True, f"{equal} of {len(answers)} answers ({tokens} tokens) are the same to the end{ties}")


def _stops(gguf: Path, answers: Sequence[_Answer], chat: ChatTokenizer, samples: Sequence[TokenizedChat]) -> Check:
    """llama.cpp must stop at the tokens that the samples teach to end with, and where the trained model ends.

    Whether that is soon is a matter of training, not of the export: `_same_answers` has compared the tokens.
    """
    name = "generation stops"
    taught = {id_ for sample in samples for id_, trained in zip(sample.ids, sample.trained, strict=True) if trained}
    vocabulary = llama_cpp.Llama(str(gguf), vocab_only=True, verbose=False)
    handle = llama_cpp.llama_model_get_vocab(vocabulary.model)
    ignored = [
        text for text, id_ in chat.end_tokens.items() if id_ in taught and not llama_cpp.llama_vocab_is_eog(handle, id_)
    ]
    if ignored:
        return Check(name, False, f"link EOS: llama.cpp does not stop at {', '.join(ignored)}")
    ended = sum(answer.ended for answer in answers)
    return Check(name, True, f"{ended} of {len(answers)} answers end by themselves, as in the trained model")
