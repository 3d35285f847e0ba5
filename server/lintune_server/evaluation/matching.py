"""Whether an answer is its reference: to the letter, or but for case, white space and punctuation."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\S+")


def is_exact(answer: str, reference: str) -> bool:
    """The same characters; white space around them does not count, as chat templates trim it, too."""
    return answer.strip() == reference.strip()


def is_same(answer: str, reference: str, *, punctuation: bool = False) -> bool:
    """The same after `normalized`. punctuation: whether that counts, as in JSON, where it is the structure."""
    left, right = (normalized(text, punctuation=punctuation) for text in (answer, reference))
    if not punctuation and not (left and right):  # nothing but punctuation: then it is what counts
        left, right = (normalized(text, punctuation=True) for text in (answer, reference))
    return left == right


def normalized(text: str, *, punctuation: bool = False) -> str:
    """A text without what two writers of the same answer may do differently.

    Unicode's compatibility forms become one (NFKC: `ﬁ` is `fi`, `１` is `1`), case is folded, runs of white space
    become one space. Punctuation goes (Unicode's categories P*), unless it is wanted, or is part of a word or number:
    between two letters or digits (`3.14`, `don't`, `snake_case`), or a minus sign in front of a number.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = _WORD.findall(folded)
    if not punctuation:
        words = [kept for word in words if (kept := _without_punctuation(word))]
    return " ".join(words)


def _without_punctuation(word: str) -> str:
    if word.isalnum():
        return word
    kept = [
        " " if unicodedata.category(char).startswith("P") and not _belongs(word, place) else char
        for place, char in enumerate(word)
    ]
    return " ".join("".join(kept).split())


def _belongs(word: str, place: int) -> bool:
    """Whether the punctuation mark there is part of a word or number."""
    before, after = word[place - 1 : place], word[place + 1 : place + 2]
    if _is_of_word(before):
        return _is_of_word(after)
    return word[place] in "-\N{MINUS SIGN}" and not before.isalnum() and after.isdigit()


def _is_of_word(char: str) -> bool:
    """Letters without case (Lo) are left aside: most of their scripts have no space behind a comma."""
    return char.isalnum() and unicodedata.category(char) != "Lo"
