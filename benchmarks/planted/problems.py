"""The real text that clean samples are made of: grade-school maths problems, with their solutions.

Read from GSM8K's training set (Cobbe et al. 2021). What is kept reads as prose (each step of the solution is a whole
sentence), and no two problems resemble each other: a near-duplicate must be there because it was planted.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WANTED = 3000
"""Problems that are kept: no file of the benchmark needs more."""

_ALIKE = 0.5
_CALCULATION = re.compile(r"<<([^=>]*)=([^>]*)>>")
_SENTENCE = re.compile(r"[A-Z$\d].*[.!?]")
_ODD = re.compile(r"[^\n\x20-\x7e’–×€÷é£¢“”ñ‘]")


@dataclass(frozen=True)
class Problem:
    question: str
    raw: str
    """The solution as the data set has it: `<<48/2=24>>` beside each calculation, `#### 72` at the end."""
    steps: tuple[str, ...]
    """Sentences."""
    calculations: tuple[tuple[str, str], ...]
    """`48/2` and `24`."""
    result: str

    @property
    def prose(self) -> str:
        """The solution as a person would write it; ends with a whole sentence."""
        return f"{' '.join(self.steps)} The answer is {self.result}."

    @property
    def number(self) -> int:
        return int(self.result.replace(",", ""))

    @property
    def size(self) -> str:
        """A label: one of three, none of them rare."""
        return "small" if self.number < 15 else "medium" if self.number < 100 else "large"


def rows(path: Path) -> Iterator[tuple[str, str]]:
    """Every question and answer of the file, as they are."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield row["question"], row["answer"]


def load(path: Path, seed: int) -> list[Problem]:
    """Problems fit to be clean samples, in a seeded order."""
    found = [problem for question, answer in rows(path) if (problem := _read(question, answer))]
    random.Random(f"{seed}:problems").shuffle(found)
    kept: list[Problem] = []
    seen: dict[int, list[int]] = {}
    for problem in found:
        shingles = {hash(shingle) for shingle in _shingles(f"{problem.question} {problem.raw}")}
        common: dict[int, int] = {}
        for shingle in shingles:
            for other in seen.get(shingle, ()):
                common[other] = common.get(other, 0) + 1
        if common and max(common.values()) > _ALIKE * len(shingles):
            continue
        for shingle in shingles:
            seen.setdefault(shingle, []).append(len(kept))
        kept.append(problem)
        if len(kept) == WANTED:
            break
    return kept


def _read(question: str, answer: str) -> Problem | None:
    body, _, result = answer.rpartition("\n#### ")
    lines = body.split("\n")
    steps = tuple(_CALCULATION.sub("", line).strip() for line in lines)
    fit = (
        not _ODD.search(question + answer)
        and all(_SENTENCE.fullmatch(step) for step in steps)
        and re.fullmatch(r"\d[\d,]*", result)
        and question[-1] in "?."
        and 120 <= len(question) <= 700
        and 100 <= len(body) <= 700
    )
    calculations = tuple((match[1], match[2]) for match in map(_CALCULATION.search, lines) if match)
    return Problem(question, answer, steps, calculations, result) if fit else None


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[index : index + 3]) for index in range(len(words) - 2)}
