"""How much of a reference is in an answer: ROUGE-L and chrF, by their definitions.

The packages for these bring stemmers, corpora and download helpers along. The tests compare with them.
"""

from __future__ import annotations

import re
from collections import Counter

_WORDS = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]|(?:(?![぀-ヿ㐀-鿿豈-﫿])[^\W_])+")
"""Runs of letters and digits, as the rouge-score package has it, and of scripts without spaces each character."""
_ORDERS = 6
_BETA = 2.0
"""chrF's parameters as sacreBLEU has them by default: n-grams of up to 6 characters, recall counts twice."""


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L of two texts, 0 to 1: how long the longest common subsequence of words is, as F1 of its share of either
    (Lin 2004, section 3). Two texts without words are equal."""
    said, wanted = _WORDS.findall(answer.lower()), _WORDS.findall(reference.lower())
    if not said or not wanted:
        return float(said == wanted)
    common = _common(said, wanted)
    return 2 * common / (len(said) + len(wanted))


def chrf(answer: str, reference: str) -> float:
    """chrF of two texts, 0 to 1 (Popović 2015): precision and recall of character n-grams without white space, each
    averaged over the lengths n that both texts have, as an F-score in which recall counts `_BETA` times."""
    said, wanted = "".join(answer.split()), "".join(reference.split())
    if not said or not wanted:
        return float(said == wanted)
    precisions, recalls = [], []
    for order in range(1, min(_ORDERS, len(said), len(wanted)) + 1):
        left, right = _ngrams(said, order), _ngrams(wanted, order)
        common = (left & right).total()
        precisions.append(common / left.total())
        recalls.append(common / right.total())
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    if not precision + recall:
        return 0.0
    return (1 + _BETA**2) * precision * recall / (_BETA**2 * precision + recall)


def _ngrams(text: str, order: int) -> Counter[str]:
    return Counter(text[start : start + order] for start in range(len(text) - order + 1))


def _common(a: list[str], b: list[str]) -> int:
    """The length of the longest common subsequence.

    A column of the usual table is held in the bits of one number (Hyyrö 2004, "Bit-parallel LCS-length computation
    revisited"): each zero in it is one more word in common.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << place
    whole = (1 << len(a)) - 1
    column = whole
    for word in b:
        matches = column & places.get(word, 0)
        column = ((column + matches) | (column - matches)) & whole
    return len(a) - column.bit_count()
