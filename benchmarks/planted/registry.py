"""Who plants what: one function a rule, and what such a function works with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.planted.codes import true_codes
from benchmarks.planted.formats import balanced
from benchmarks.planted.layout import DataFile, Defect, Folder, clean_file, dump, scatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.planted.layout import Sample
    from benchmarks.planted.problems import Problem

EVAL_SAMPLES = 25
"""Enough that no rule finds the eval set too small."""


@dataclass
class Garden:
    """The material of one rule: a random generator of its own, and problems that are each used once.

    After the last one comes the first again: by then another folder is being filled, which never meets the first.
    """

    code: str
    rng: random.Random
    problems: Sequence[Problem]
    _next: int = 0

    @property
    def true_codes(self) -> frozenset[str]:
        """Of this garden's defects."""
        return true_codes(self.code)

    def problem(self) -> Problem:
        self._next += 1
        return self.problems[(self._next - 1) % len(self.problems)]

    def iterator(self) -> Iterator[Problem]:
        while True:
            yield self.problem()

    def samples(self, make: Callable[[Problem], Sample], count: int) -> list[Sample]:
        return [make(self.problem()) for _ in range(count)]

    def lines(self, make: Callable[[Problem], Sample], count: int) -> list[str]:
        return [dump(sample) for sample in self.samples(make, count)]

    def defect(self, variant: str, sample: Sample | str, **more: object) -> Defect:
        """A defect of this garden's rule."""
        line = sample if isinstance(sample, str) else dump(sample)
        return Defect(self.code, variant, line, **more)  # type: ignore[arg-type]

    def decoy(self, variant: str, sample: Sample | str) -> Defect:
        """A line that is fine."""
        return Defect("", variant, sample if isinstance(sample, str) else dump(sample))

    def eval_file(self, make: Callable[[Problem], Sample]) -> DataFile:
        problems = balanced(self.iterator(), self.rng, EVAL_SAMPLES)
        return clean_file("eval.jsonl", [dump(make(problem)) for problem in problems], training=False)

    def folder(self, name: str, files: Sequence[DataFile], make: Callable[[Problem], Sample], **more: object) -> Folder:
        """A folder with these training files and a clean eval file."""
        return Folder(f"{self.code}-{name}", [*files, self.eval_file(make)], **more)  # type: ignore[arg-type]

    def scattered(
        self, name: str, make: Callable[[Problem], Sample], base: int, defects: Sequence[Defect], **more: object
    ) -> Folder:
        """The usual folder: defects among clean samples of one format."""
        file = scatter(self.rng, "train.jsonl", self.lines(make, base), defects)
        return self.folder(name, [file], make, **more)


PLANTERS: dict[str, Callable[[Garden], list[Folder]]] = {}
"""By rule code, in the order of the rule book."""


def plants(code: str) -> Callable[[Callable[[Garden], list[Folder]]], Callable[[Garden], list[Folder]]]:
    """The decorated function plants defects of this rule."""

    def register(function: Callable[[Garden], list[Folder]]) -> Callable[[Garden], list[Folder]]:
        PLANTERS[code] = function
        return function

    return register


def garden(code: str, problems: Sequence[Problem], seed: int) -> Garden:
    """The same for a rule whichever others are planted."""
    rng = random.Random(f"{seed}:{code}")
    return Garden(code, rng, rng.sample(list(problems), len(problems)))
