"""The proof that exported files behave as the trained model: same tokens, same template, same logits, same answers.

Needs the serve extra (llama.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintune_schemas.events import Check, Link
from lintune_schemas.verification import Work
from lintune_trainer.proof import answers, configuration, judging, merge, passages, tensors, tokens
from lintune_trainer.proof.agreement import agreement
from lintune_trainer.proof.gguf_head import Reader
from lintune_trainer.proof.llama import LlamaError, LlamaModel, Vocabulary
from lintune_trainer.proof.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from lintune_schemas.chat import ChatTokenizer, TokenizedChat
    from lintune_schemas.conversations import Conversation
    from lintune_trainer.proof.llama import Logits

_TEXTS = 100
"""Samples whose token ids are compared."""
_FEWER = 15
"""Samples whose logits are compared of each quantization, and of the adapter on the base model."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is proven, and what it must equal."""

    f16: Path
    others: Sequence[Path]
    """The quantizations that were made from it."""
    merged: Path
    """The folder that transformers reads."""
    weights: Path
    """That of the base model."""
    adapter: Path
    """The PEFT folder."""
    adapter_gguf: Path | None = None
    base_gguf: Path | None = None
    """What `adapter_gguf` is put on; both or none."""

    @property
    def files(self) -> list[Path]:
        return [self.f16, *self.others, *([self.adapter_gguf] if self.adapter_gguf else [])]


@dataclass(frozen=True, slots=True)
class Proof:
    checks: list[Check]
    work: Work
    failed: list[Path]
    """The files that must not be used."""

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def prove(
    subject: Subject,
    chat: ChatTokenizer,
    evaluation: Sequence[Conversation],
    training: Sequence[Conversation],
) -> Proof:
    """Compare files with the merged model in transformers, and that with base model and adapter.

    Compared are samples of the eval set, as many as are there, then of the training set. Raises LintuneError when the
    merged model cannot be loaded, OSError.
    """
    conversations = passages.evenly(evaluation, _TEXTS)
    conversations += passages.evenly(training, _TEXTS - len(conversations))
    samples = [chat.tokenize(conversation) for conversation in conversations]
    merged = merge.is_base_plus_adapter(subject.weights, subject.adapter, subject.merged)
    checks = [merged]
    readers: dict[Path, Reader] = {}
    for gguf in (subject.f16, *subject.others):
        try:
            reader = Reader(gguf)
            with Vocabulary(gguf) as vocabulary:
                checks += [
                    tokens.same_template(gguf, reader, chat, conversations),
                    tokens.same_tokens(gguf, vocabulary, chat, samples),
                    tokens.ends(gguf, reader, vocabulary, chat, samples),
                    configuration.same_configuration(gguf, reader, subject.merged),
                ]
            readers[gguf] = reader
        except (ValueError, IndexError, KeyError, LlamaError) as error:  # of the reader of GGUF files; of llama.cpp
            checks.append(judging.broken(gguf, error))
    work = Work(len(samples), 0, 0, 0, 0, 0, 0)
    if subject.f16 in readers:
        measured, work = _measured(subject, chat, samples, evaluation or training, readers, checks)
        checks += measured
    return Proof(checks, work, _failed(subject, checks))


def _measured(
    subject: Subject,
    chat: ChatTokenizer,
    samples: Sequence[TokenizedChat],
    asked: Sequence[Conversation],
    readers: dict[Path, Reader],
    before: Sequence[Check],
) -> tuple[list[Check], Work]:
    """What takes running the models, of which never more than two are in memory."""
    f16 = subject.f16
    weights = tensors.as_merged(f16, readers[f16], subject.merged)
    checks = [weights] if weights else []
    causes = [check for check in (*before, *checks) if not check.ok and check.file == f16.name]
    reference = Reference(subject.merged)
    reading = passages.choose(samples, reference.vocabulary_size, reference.weights)
    few = reading.some(_FEWER)
    some = reading.only(few)
    trained = reference.read(reading.passages)
    prompts = answers.prompts(asked, chat, reference.weights)
    longest = max([reading.longest, *(len(prompt.ids) + prompt.limit for prompt in prompts)])
    before_rounding: list[Logits] = []
    given: list[answers.Answer] = []
    try:
        with LlamaModel(f16, context=longest) as model:
            read = _keeping(model.read(reading.passages), few, before_rounding)
            found = agreement(zip(trained, read, strict=True), reading)
            checks.append(judging.of_f16(f16, found, reference.dtype, causes))
            given = answers.ask(prompts, model, reference, chat)
            checks.append(judging.explained(answers.same_answers(given, reference, chat), causes))
            checks.append(answers.stops(given))
    except LlamaError as error:
        checks.append(judging.broken(f16, error))
    del reference
    if subject.adapter_gguf and subject.base_gguf:
        adapter, base = subject.adapter_gguf, subject.base_gguf
        try:
            with LlamaModel(base, adapter, context=some.longest) as model:
                pairs = zip((trained[index] for index in few), model.read(some.passages), strict=True)
                found = agreement(pairs, some)
            quantized = any(tensor.n_bytes < 2 * tensor.n_elements for tensor in Reader(base).tensors)
            checks.append(judging.of_adapter(adapter, found, quantized=quantized, merged=before[0]))
        except (ValueError, LlamaError) as error:
            checks.append(judging.broken(adapter, error, Link.ADAPTER))
    del trained
    sound = all(check.ok for check in checks if check.file == f16.name)  # else there is nothing to compare with
    for gguf in [gguf for gguf in subject.others if sound and gguf in readers]:
        try:
            kept = tensors.as_before(readers[f16], gguf, readers[gguf])
            with LlamaModel(gguf, context=some.longest) as model:
                found = agreement(zip(before_rounding, model.read(some.passages), strict=True), some)
            bits = tensors.bits(readers[gguf])
            checks += [kept, judging.of_quantization(gguf, found, bits, [] if kept.ok else [kept])]
        except LlamaError as error:
            checks.append(judging.broken(gguf, error))
    work = Work(
        token_samples=len(samples),
        samples=len(reading.passages),
        tokens=reading.tokens,
        positions=reading.positions,
        cut=reading.cut,
        answers=len(given),
        ended=sum(answer.ended for answer in given),
    )
    return checks, work


def _keeping(logits: Iterable[Logits], chosen: Sequence[int], kept: list[Logits]) -> Iterator[Logits]:
    """The same; those at the chosen indices are put into `kept`, too."""
    for index, one in enumerate(logits):
        if index in chosen:
            kept.append(one)
        yield one


def _failed(subject: Subject, checks: Sequence[Check]) -> list[Path]:
    """Files that a check is about which failed. Where the merged model is wrong, or what f16 computes, that holds of
    everything that was made from it; template, tokens and end tokens are each file's own."""
    own = {check.file for check in checks if not check.ok}
    computed = (Link.FORMAT, Link.WEIGHTS, Link.ROPE, Link.CONFIGURATION)
    spread = any(
        not check.ok and check.file in (None, subject.merged.name, subject.f16.name) and check.link in computed
        for check in checks
    )
    return [file for file in subject.files if file.name in own or (spread and file != subject.adapter_gguf)]
