"""Kinds of tokenizers that a faster library is proven to agree with, and the texts on which it is.

`tokie` 0.1.4 was compared with Hugging Face's `tokenizers` 0.23 on all strings of up to 6 or 7 characters over
{letter, digit, full stop, apostrophe, space, tab, line feed, carriage return}, on every character of the basic plane in
twenty surroundings, and on random texts of every block below (`tests/schemas/test_fast_tokenizer.py` and
`benchmarks/tokens.py` do it again). What differed is left out here:

- byte-level BPE: other control characters; white space between two line ends; a tab before anything but a letter, a
  digit or a tab; letter-like numbers (Ⅷ, Ⓐ), spaces beyond ASCII, and characters newer than either library's tables;
- from 10,000 bytes tokie cuts a text into one part per core, at spaces, whatever stands around them; so longer texts
  are cut here first, at places that no token reaches across.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lintune_schemas.gguf_tokenizer import LLAMA3_SPLIT, QWEN2_SPLIT

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LONGEST = 9_000
"""Bytes that are encoded at once: below the 10,000 from which tokie cuts."""

_ASCII = "\t\n\r -~"
_BLOCKS = {
    "Latin": "\u00a1-\u00ac\u00ae-\u024f",
    "Greek and Cyrillic": "\u0384-\u038a\u038e-\u03a1\u03a3-\u052f",
    "Hebrew": "\u05be\u05d0-\u05ea",
    "Arabic": "\u060c\u061b\u061f-\u065f\u0660-\u066d\u0670-\u06d3",
    "Devanagari": "\u0900-\u097f",
    "Thai": "\u0e01-\u0e3a\u0e40-\u0e5b",
    # Currencies, arrows, operators too.
    "punctuation": "\u2010-\u2027\u2030-\u205e\u2070\u2074-\u208e\u20a0-\u20bf\u2190-\u23ff",
    # All but U+2581, with which SentencePiece vocabularies spell a space.
    "shapes": "\u2500-\u2580\u2582-\u27bf",
    "Chinese and Japanese": "\u3001-\u3003\u3008-\u3011\u3041-\u3096\u3099-\u30ff\u4e00-\u9fa5\uff01-\uff60",
    "Korean": "\uac00-\ud7a3",
    "emoji": "\ufe0f\u200d\U0001f1e6-\U0001f1ff\U0001f300-\U0001f64f\U0001f680-\U0001f6c5\U0001f900-\U0001f9ff",
}
_KNOWN = re.compile(f"[{_ASCII}{''.join(_BLOCKS.values())}]*")
_KNOWN_BYTES = bytes([*b"\t\n\r", *range(0x20, 0x7F)])
_WHITE_LINE = re.compile(r"[\r\n][\t ]+[\r\n]|\t[^A-Za-z0-9\t]")
_CUT = re.compile(r"(?<=[!-~]\n)(?=[A-Za-z])")


class Kind(StrEnum):
    BYTE_LEVEL = "byte-level"
    """Bytes spelled as printable characters, split by a regular expression: Llama 3, Qwen, SmolLM2."""
    SENTENCEPIECE = "sentencepiece"
    """Spaces spelled `▁`, nothing split, bytes where a character is missing: Gemma."""
    SENTENCEPIECE_PREFIXED = "sentencepiece-prefixed"
    """The same, with a `▁` written before each stretch of text: Llama 2."""


@dataclass(frozen=True, slots=True)
class Family:
    """What is known of a tokenizer beyond its vocabulary."""

    kind: Kind
    composed: bool
    """Whether it composes characters (NFC) first: what is composed already stays as it is."""

    @property
    def byte_level(self) -> bool:
        return self.kind is Kind.BYTE_LEVEL

    def accepts(self, text: str) -> bool:
        """Whether the faster library is proven to agree on this text, its length aside."""
        if text.isascii():
            if text.encode().translate(None, _KNOWN_BYTES):
                return False
        elif not _KNOWN.fullmatch(text) or (self.composed and not unicodedata.is_normalized("NFC", text)):
            return False
        return not self.byte_level or not _has_white_line(text)

    def probes(self, added: list[str]) -> list[str]:
        """Some hundred accepted texts on which two tokenizers can be compared; always the same ones."""
        chance = random.Random(0)  # noqa: S311 (not for secrets)
        words = [*"aB7.,'-(\"=", "\n", "\n\n", "  ", "    ", "\t", "\r\n", "'s", "'LL", "the", "ing", "2024", "://"]
        pools = [[*words, *_characters(_ASCII)], [*words, *chance.sample(added, min(len(added), 64))]]
        pools += [[*words, *_characters(block)] for block in _BLOCKS.values()]
        texts = [
            "",
            " ",
            "\n",
            "a",
            "'s",
            "=" * 500,
            " " * 500,
            "\n" * 40,
            "The quick  brown fox.\n\nIt's 12345 o'clock!",
        ]
        for pool in pools:
            for _ in range(60):
                pieces = [chance.choice(pool if chance.random() < 0.6 else words) for _ in range(chance.randint(1, 30))]
                texts.append(chance.choice(["", " "]).join(pieces))
        return [text for text in texts if self.accepts(text)]


def cut(text: str) -> list[str] | None:
    """The text in parts of at most LONGEST bytes, whose tokens one after the other are those of the whole.

    None when there is no such place. In byte-level BPE a line feed after a visible ASCII character and before a letter
    always ends a piece of the splits below, and the pieces before it are the same whatever follows.
    """
    longest = LONGEST if text.isascii() else LONGEST // 4  # UTF-8 takes at most four bytes a character
    if len(text) <= longest:
        return [text]
    places = [match.end() for match in _CUT.finditer(text)]
    places.append(len(text))
    parts: list[str] = []
    begin = 0
    while begin < len(text):
        end = places[bisect_right(places, begin + longest) - 1]
        if not begin < end <= begin + longest:
            return None
        parts.append(text[begin:end])
        begin = end
    return parts


def _characters(block: str) -> list[str]:
    """The characters of a block that is written as in a regular expression's class."""
    found: list[str] = []
    for first, last, single in re.findall(r"(?s)(.)-(.)|(.)", block):
        found += map(chr, range(ord(first), ord(last) + 1)) if first else [single]
    return found


def _has_white_line(text: str) -> bool:
    if "\n " in text or "\t" in text or "\r" in text:  # a fast look first: most texts have none
        return _WHITE_LINE.search(text) is not None
    return False


def family_of(tokenizer: Tokenizer) -> Family | None:
    """The family that a tokenizer belongs to; None for any that was not compared."""
    model = tokenizer.model
    if type(model).__name__ != "BPE" or model.dropout or model.continuing_subword_prefix or model.end_of_word_suffix:
        return None
    added = tokenizer.get_added_tokens_decoder().values()
    if any(token.lstrip or token.rstrip or token.single_word or token.normalized for token in added):
        return None
    processor = _state(tokenizer.post_processor)
    if not all(_leaves_offsets(part) for part in processor.get("processors", [processor])):
        return None
    normalizer, split = _state(tokenizer.normalizer), _state(tokenizer.pre_tokenizer)
    if model.byte_fallback:
        kind = _SENTENCEPIECE.get((_text(normalizer), _text(split)))
        return Family(kind, composed=False) if kind and model.unk_token and model.fuse_unk else None
    known = _text([_without_offsets(part) for part in split.get("pretokenizers", [])]) in _BYTE_LEVEL_SPLITS
    if not known or normalizer not in ({}, _NFC) or model.unk_token:
        return None
    return Family(Kind.BYTE_LEVEL, composed=normalizer == _NFC)


_NFC = {"type": "NFC"}


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _split_by(pattern: str) -> list[dict[str, Any]]:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return [split, {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}]


_BYTE_LEVEL_SPLITS = {
    _text(_split_by(LLAMA3_SPLIT)),
    _text(_split_by(QWEN2_SPLIT)),
    _text(  # SmolLM2
        [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
        ]
    ),
}

_SPACES = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
_PREFIXED_SPACES = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, _SPACES]}
# Nothing is left to split at: the normalizer has written ▁ for every space.
_SPLIT_AT_SPACES = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
_SENTENCEPIECE = {
    (_text(_SPACES), _text(_SPLIT_AT_SPACES)): Kind.SENTENCEPIECE,
    (_text(_SPACES), _text({})): Kind.SENTENCEPIECE,
    (_text(_PREFIXED_SPACES), _text({})): Kind.SENTENCEPIECE_PREFIXED,
}


def _state(part: Any) -> dict[str, Any]:
    """What a part of the tokenizer is written as in `tokenizer.json`; {} where it has none."""
    state: dict[str, Any] = json.loads(part.__getstate__()) if part is not None else {}
    return state


def _without_offsets(part: dict[str, Any]) -> dict[str, Any]:
    """`trim_offsets` of a pre-tokenizer has no effect; that of a post-processor has."""
    return {key: value for key, value in part.items() if key != "trim_offsets"}


def _leaves_offsets(processor: dict[str, Any]) -> bool:
    """Whether a post-processor leaves tokens and offsets alone when no special tokens are asked for."""
    kind = processor.get("type")
    return kind in (None, "TemplateProcessing") or (kind == "ByteLevel" and processor["trim_offsets"] is False)
