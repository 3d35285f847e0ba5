"""Whether a file reads the samples as they were trained: chat template, token ids, what is put around a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.chat_template import ChatTemplate, TemplateError
from lintune_schemas.events import Check, Link

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.chat import ChatTokenizer, TokenizedChat
    from lintune_schemas.conversations import Conversation
    from lintune_trainer.proof.gguf_head import Reader
    from lintune_trainer.proof.llama import Vocabulary

_PROBE = "a\n  1  23 ² 4"
"""White space in front of digits, and a digit that is none in ASCII: tokenizers that were rebuilt wrongly
split these differently, while most samples come out the same."""

_TEMPLATE = "tokenizer.chat_template"
_EOS = "tokenizer.ggml.eos_token_id"


def same_template(gguf: Path, reader: Reader, chat: ChatTokenizer, conversations: Sequence[Conversation]) -> Check:
    """The file must hold the very text of the template; of another one it is said what it makes of the samples."""
    name = f"chat template of {gguf.name}"
    field = reader.get_field(_TEMPLATE)
    written = str(field.contents()) if field else None
    trained = chat.template.source if chat.template else None
    if written == trained:
        words = "the file holds the template that was trained with" if trained else "neither model nor file has one"
        return Check(name, True, words, file=gguf.name)
    if written is None or trained is None:
        words = "no chat template" if written is None else "a chat template, and the model was trained without one"
        return Check(name, False, f"the file holds {words}", Link.TEMPLATE, gguf.name)
    difference = _rendered_differently(ChatTemplate(written, chat.special), chat, conversations)
    return Check(
        name, False, f"the file holds another template than was trained with: {difference}", Link.TEMPLATE, gguf.name
    )


def _rendered_differently(written: ChatTemplate, chat: ChatTokenizer, conversations: Sequence[Conversation]) -> str:
    for number, conversation in enumerate(conversations, start=1):
        if not conversation.templated:
            continue
        trained = chat.render(conversation).text
        messages = [turn.as_message() for turn in conversation.turns]
        try:
            text = written.render(messages, add_generation_prompt=False, tools=conversation.tools)
        except TemplateError as error:
            return f"it refuses sample {number} ({error})"
        if text != trained:
            at = _parting(text, trained)
            return f"sample {number} begins to differ at {text[at : at + 40]!r}, trained was {trained[at : at + 40]!r}"
    return "the samples come out the same by it, but others may not"


def same_tokens(gguf: Path, vocabulary: Vocabulary, chat: ChatTokenizer, samples: Sequence[TokenizedChat]) -> Check:
    """Compare the ids of rendered samples, and of a text that tells tokenizers apart."""
    name = f"tokens of {gguf.name}"
    probe = chat.tokenizer.encode(_PROBE, add_special_tokens=False).ids
    texts = [(sample.rendered.text, list(sample.ids)) for sample in samples] + [(_PROBE, probe)]
    for text, ours in texts:
        theirs = vocabulary.tokenize(text)
        if ours != theirs:
            at = _parting(ours, theirs)
            where = chat.tokenizer.decode(ours[max(at - 3, 0) : at + 3], skip_special_tokens=False)
            detail = (
                f"llama.cpp splits {where!r} differently (token {at + 1}: {theirs[at : at + 3]}, trained with "
                f"{ours[at : at + 3]})"
            )
            return Check(name, False, detail, Link.TOKENIZER, gguf.name)
    if problem := _around(vocabulary, chat, samples):
        return Check(name, False, problem, Link.TOKENIZER, gguf.name)
    count = sum(len(ids) for _, ids in texts)
    return Check(
        name,
        True,
        f"{len(texts)} texts, {count:,} tokens: the ids are those that were trained with",
        file=gguf.name,
        figures={"texts": len(texts), "tokens": count},
    )


def _around(vocabulary: Vocabulary, chat: ChatTokenizer, samples: Sequence[TokenizedChat]) -> str | None:
    """What is wrong with the BOS and EOS that llama.cpp puts around a prompt by itself.

    Its own programs read a prompt so, some after they took a BOS away from the beginning of what the template wrote.
    """
    bos = "" if chat.template else chat.special.get("bos_token", "")  # without a template, llama.cpp is to add it
    for sample in samples:
        ours, theirs = list(sample.ids), vocabulary.tokenize(sample.rendered.text.removeprefix(bos), add_special=True)
        added = len(theirs) - len(ours)
        if added > 0 and theirs[added:] == ours:
            first = chat.tokenizer.id_to_token(theirs[0])
            if ours[:1] == theirs[:1]:
                return (
                    f"the BOS is doubled: the template writes {first!r}, and llama.cpp adds another one in front of it"
                )
            return f"llama.cpp adds {first!r} in front of the prompt, which was not trained with one"
        if added > 0 and theirs[: len(ours)] == ours:
            last = chat.tokenizer.id_to_token(theirs[-1])
            return f"llama.cpp adds {last!r} behind the prompt, so that the model would begin after its end"
    return None


def ends(
    gguf: Path, reader: Reader, vocabulary: Vocabulary, chat: ChatTokenizer, samples: Sequence[TokenizedChat]
) -> Check:
    """A file must name an end token of the model, and llama.cpp must stop at all those that the samples teach."""
    name = f"end tokens of {gguf.name}"
    taught = {id_ for sample in samples for id_, trained in zip(sample.ids, sample.trained, strict=True) if trained}
    ends = {text: id_ for text, id_ in chat.end_tokens.items() if id_ in taught}
    written = _number(reader, _EOS)
    if chat.eos_token and written is None:
        detail = f"the file names no EOS token ({_EOS} is missing), the model's is {chat.eos_token!r}"
        return Check(name, False, detail, Link.EOS, gguf.name)
    known = chat.end_tokens.values()
    if known and written not in known:
        named = chat.tokenizer.id_to_token(written) if written is not None else None
        detail = f"the file names {named!r} as EOS, and the model ends with {' or '.join(map(repr, chat.end_tokens))}"
        return Check(name, False, detail, Link.EOS, gguf.name)
    ignored = [text for text, id_ in ends.items() if not vocabulary.is_end(id_)]
    if ignored:
        return Check(name, False, f"llama.cpp does not stop at {', '.join(ignored)}", Link.EOS, gguf.name)
    words = f"llama.cpp stops at {', '.join(ends)}" if ends else "the samples teach none"
    return Check(name, True, words, file=gguf.name)


def _number(reader: Reader, key: str) -> int | None:
    field: Any = reader.get_field(key)
    return int(field.contents()) if field else None


def _parting(a: Sequence[Any], b: Sequence[Any]) -> int:
    """The first index where two sequences differ."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
