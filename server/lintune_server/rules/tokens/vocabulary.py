"""Which characters a tokenizer has tokens for, and which it joins."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintune_schemas.chat import ChatTokenizer

_NOBODYS = "\U000f1234"
"""A character for private use: no vocabulary has it."""


@lru_cache(maxsize=8)
def of(tokenizer: ChatTokenizer) -> Vocabulary:
    return Vocabulary(tokenizer)


class Vocabulary:
    """What is known of a tokenizer's vocabulary. Looks up what it is asked for, once, and never all of it if it can."""

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._tokenizer = tokenizer.tokenizer
        unknown = tokenizer.special.get("unk_token")
        id_ = self._tokenizer.token_to_id(unknown) if unknown else None
        written = self._tokenizer.encode(_NOBODYS, add_special_tokens=False).ids
        self.unknown = id_ if id_ in written else None
        """The id that stands for what the tokenizer does not know; None when it writes that as bytes."""
        self._has: set[str] = set()
        self._lacks: set[str] = set()
        self._joins: dict[str, bool] = {}
        self._followers: dict[str, set[str]] = {}

    def lacks(self, text: str) -> set[str]:
        """The characters of a text for which there is no token by themselves."""
        characters = set(text) - self._has
        for character in characters - self._lacks:
            (self._has if self._knows(character) else self._lacks).add(character)
        return characters & self._lacks

    def _knows(self, character: str) -> bool:
        if self.unknown is not None:
            return self.unknown not in self._tokenizer.encode(character, add_special_tokens=False).ids
        written = (character, _as_bytes(character))
        return any(self._tokenizer.token_to_id(one) is not None for one in written)

    def may_join(self, pair: str) -> bool:
        """Whether two characters can stand next to each other within one token. Never False where they do."""
        joins = self._joins.get(pair)
        if joins is None:
            joins = self._joins[pair] = self._may_join(*pair)
        return joins

    def _may_join(self, before: str, after: str) -> bool:
        if "M" in (unicodedata.category(before)[0], unicodedata.category(after)[0]):
            return True  # normalization may make one character of a mark and what it stands on
        if before == "\n" and not after.isspace() and self._line_ends_stand_apart:
            return False
        # Some vocabularies have characters, and write a space in their own way; others have bytes.
        first, second = before.replace(" ", "▁"), after.replace(" ", "▁")
        return second in self._after(first) or _as_bytes(after)[0] in self._after(_as_bytes(before)[-1])

    def _after(self, character: str) -> set[str]:
        """The characters that follow one anywhere in the vocabulary."""
        if character not in self._followers:
            found = re.findall(f"{re.escape(character)}(?=([^\0]))", self._all)
            self._followers[character] = set(found)
        return self._followers[character]

    @cached_property
    def _all(self) -> str:
        return "\0".join(self._tokenizer.get_vocab(with_added_tokens=False))

    @cached_property
    def _line_ends_stand_apart(self) -> bool:
        """Whether no token has a line end and then something that is no white space.

        It is so for the tokenizers of all models in use, which split text at line ends before anything else. This asks
        only for tokens of two characters: listing a large vocabulary takes half a second, and nearly every answer
        begins after a line end.
        """
        known = self._tokenizer.token_to_id
        visible = string.ascii_letters + string.digits + string.punctuation
        return all(known(end + one) is None for end in ("\n", "Ċ") for one in visible)


def _as_bytes(character: str) -> str:
    """How byte-level vocabularies write a character: one letter for each of its bytes."""
    from tokenizers.pre_tokenizers import ByteLevel

    written: list[tuple[str, tuple[int, int]]] = ByteLevel(False, use_regex=False).pre_tokenize_str(character)
    return written[0][0]
