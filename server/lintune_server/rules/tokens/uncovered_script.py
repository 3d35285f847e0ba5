from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from lintune_server.lint.data_set import fact
from lintune_server.lint.findings import Severity
from lintune_server.lint.patterns import lazily
from lintune_server.lint.problems import Problem, Value
from lintune_server.lint.rule import file_rule
from lintune_server.rules.tokens import places, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lintune_schemas.chat import TokenizedChat
    from lintune_server.lint.data_set import DataSet
    from lintune_server.lint.sample import Line
    from lintune_server.rules.tokens.vocabulary import Vocabulary

_UNKNOWN, _BYTES = 1, 2

_FEWEST = 20
"""Letters. A name or a word in another script is no text in it."""
_SHARE = 0.12
"""Of the letters, those that take more than one token. Over 18 languages and the tokenizers of Llama 2 and 3, Gemma 2
and 3, Qwen 2.5 and SmolLM2 it is below 0.08 where the vocabulary has the script's letters, and else 0.16 (Arabic for
SmolLM2), 0.3 (Hindi for Qwen 2.5 or SmolLM2) or more, up to all of them."""

_LETTER = (
    "[\u0370-\u1cff\u1ea0-\u1fff\u2c00-\u2c5f\u2c80-\u2ddf\u2e80-\u2fdf\u3041-\ua63f\ua6a0-\ud7ff\uf900-\ufdff"
    "\uff66-\uffdc\U00010000-\U0001efff\U00020000-\U0003ffff]"
)
"""Of all scripts but Latin, and of Latin those of Vietnamese. Accents, punctuation, symbols and emoji are none."""
_LETTERS = lazily(f"{_LETTER}+")
_WORDS = lazily(rf"[^\W\d_]*{_LETTER}+(?:[ \u200b-\u200d]?[^\W\d_]*{_LETTER}+)*[^\W\d_]*")


@fact("b")
def uncovered(line: Line) -> int:
    """Whether the tokenizer has no tokens for characters of a sample: it replaces them, or writes them as bytes."""
    measured, tokenizer = line.counted, line.surroundings.tokenizer
    if measured is None or tokenizer is None:
        return 0
    text, known = measured.rendered.text, vocabulary.of(tokenizer)
    if known.unknown is not None and known.lacks(text):
        assert line.tokenized is not None
        return _UNKNOWN if known.unknown in line.tokenized.ids else 0
    if text.isascii():
        return 0
    letters = "".join(_LETTERS.findall(text))
    if len(letters) < _FEWEST or not known.lacks(letters):
        return 0
    assert line.tokenized is not None
    found, fell = _fallen(line.tokenized)
    return _BYTES if len(found) >= _FEWEST and len(fell) >= _SHARE * len(found) else 0


@file_rule("TK210", Severity.WARNING, uncovered)
def uncovered_script(data: DataSet) -> Iterator[tuple[int, Problem]]:
    """
    ## What it does
    Reports text that the model's tokenizer does not cover: characters that it replaces by its unknown token, and text
    in a script of which many letters (an eighth or more) fall into single bytes. Where it is so throughout the file,
    the first sample stands for all. A few words are let pass, and so are accents, symbols and emoji.

    ## Why it hurts
    An unknown token has lost what stood there: the model cannot learn it. Letters in bytes take several times as many
    tokens, and mean that the model has hardly seen the language: it will not learn it from a fine-tune.

    ## Example
    Hindi or Korean for SmolLM2, which was made for English.

    ## Use instead
    A base model that was made for the language.
    """
    tokenizer = data.surroundings.tokenizer
    if tokenizer is None:
        return
    known = vocabulary.of(tokenizer)
    marks = data.column(uncovered)
    for index, where in places.marked(marks):
        line = data.line(index)
        if line.tokenized is None:
            continue
        if marks[index] == _UNKNOWN:
            message, spot = _unknown(line, known, tokenizer.special["unk_token"])
        else:
            message, spot = _bytes(line, known, line.tokenized)
        yield index, Problem(message + where, spot)


def _unknown(line: Line, known: Vocabulary, token: str) -> tuple[str, Value]:
    for path, text, *_ in line.texts:
        if missing := known.lacks(text):
            start = next(place for place, character in enumerate(text) if character in missing)
            stop = start
            while stop < len(text) and text[stop] in missing:
                stop += 1
            return (
                f"The tokenizer does not know “{text[start:stop]}”: the model sees {token} in its place. Use a base "
                "model that knows it, or write it in another way.",
                Value(path, start, stop),
            )
    return f"The tokenizer does not know some of this text: the model sees {token} in its place.", Value()


def _bytes(line: Line, known: Vocabulary, tokenized: TokenizedChat) -> tuple[str, Value]:
    found, fell = _fallen(tokenized)
    spot, name = Value(), ""
    for path, text, *_ in line.texts:
        missing = known.lacks("".join(_LETTERS.findall(text)))
        words = next((words for words in _WORDS.finditer(text) if not missing.isdisjoint(words.group())), None)
        if words:
            spot = Value(path, *words.span())
            name = _script(next(letter for letter in words.group() if letter in missing))
            break
    return (
        f"The tokenizer does not cover this script{name}: {len(fell) / len(found):.0%} of its letters fall into bytes. "
        "The model has hardly seen it. Use a base model that was made for this language.",
        spot,
    )


def _fallen(tokenized: TokenizedChat) -> tuple[set[int], set[int]]:
    """Where letters are, and where letters are that take more than one token."""
    text = tokenized.rendered.text
    found = {
        place
        for letters in _LETTERS.finditer(text)
        for place in range(*letters.span())
        if unicodedata.category(text[place])[0] in "LM"
    }
    seen: set[int] = set()
    twice: set[int] = set()
    for start, stop in tokenized.offsets:
        for place in range(start, stop):
            (twice if place in seen else seen).add(place)
    return found, found & twice


def _script(letter: str) -> str:
    first = unicodedata.name(letter, "").partition(" ")[0]
    if first == "LATIN":
        return " (Latin with these accents)"
    return f" ({first if first == 'CJK' else first.capitalize()})" if first else ""
