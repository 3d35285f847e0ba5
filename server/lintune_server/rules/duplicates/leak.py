from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.findings import Severity
from lintune_server.lint.problems import Problem, WholeFile
from lintune_server.lint.rule import file_rule
from lintune_server.rules.duplicates.content import content_of
from lintune_server.rules.duplicates.facts import PROMPT, WHOLE, digests, exact_digest, minima
from lintune_server.rules.duplicates.near import nearest
from lintune_server.rules.duplicates.series import Series

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from lintune_server.lint.data_set import DataSet

_TRIED = 16
"""Samples with the same words whose signs are compared."""


@file_rule("DU305", Severity.ERROR, exact_digest, digests, minima)
def leak(data: DataSet) -> Iterator[tuple[int | None, Problem]]:
    """
    ## What it does
    Looks in the recipe's training files for each sample of an evaluation file. It is an error when the sample is there,
    be it with other case, punctuation or white space. It is a warning when its prompt is there with another answer, or
    when it is nearly there: 80 % of all runs of three words in the two are in both.

    ## Why it hurts
    The evaluation then measures what the model has memorized, and not what it can do.

    ## Example
    ```json
    {"prompt": "What is the capital of France?", "completion": "Paris."}
    ```
    in `train.jsonl` and in `eval.jsonl`.

    ## Use instead
    Samples for the evaluation that are not trained on: take them out of one of the two files.
    """
    if not data.evaluated_with:
        return
    if data.trained_on:
        message = "The recipe trains on this file and evaluates with it: the evaluation will say nothing."
        yield None, Problem(message, WholeFile())
        return
    yield from sorted(_Leaks(data).problems.items())


class _Leaks:
    """The worst that is to be said of each sample."""

    def __init__(self, data: DataSet) -> None:
        self.problems: dict[int, Problem] = {}
        self._series = Series.of(data.training, data)
        exact, wholes, prompts = (
            self._series.column(exact_digest),
            self._series.column(digests, WHOLE),
            self._series.column(digests, PROMPT),
        )
        for position, earlier in self._shared(exact):
            self._say(position, earlier[0], "This sample is trained on, too: it is {where}.")
        for position, earlier in self._shared(wholes):
            one = self._same(position, earlier, "whole")
            if one is not None:
                but = "but for case, punctuation or white space"
                self._say(position, one, f"This sample is trained on, too: {{where}} is the same {but}.")
        for position, earlier in self._shared(prompts):
            one = self._same(position, earlier, "prompt")
            if one is not None:
                message = "This prompt is trained on, too, with another answer: it is that of {where}."
                self._say(position, one, message, Severity.WARNING)
        reported = {self._series.own + index for index in self.problems}
        for position, near in nearest(self._series, reported, across=True).items():
            message = (
                f"Nearly the same as {{where}}, which is trained on: {near.percent} % of their runs of three words "
                "are in both."
            )
            self._say(position, near.position, message, Severity.WARNING)

    def _shared(self, column: array[int]) -> Iterator[tuple[int, list[int]]]:
        """Samples nothing was said of so far, with those in training of which a fact is the same."""
        own = self._series.own
        wanted: dict[int, list[int]] = {value: [] for value in column[own:] if value}
        for position in range(own):
            if column[position] in wanted:
                wanted[column[position]].append(position)
        for position in range(own, len(column)):
            if position - own not in self.problems and (earlier := wanted.get(column[position])):
                yield position, earlier

    def _same(self, position: int, earlier: list[int], what: str) -> int | None:
        mine = getattr(content_of(self._series.line(position)), what)
        for one in earlier[:_TRIED]:
            if getattr(content_of(self._series.line(one)), what) == mine:
                return one
        return None

    def _say(self, position: int, earlier: int, message: str, severity: Severity | None = None) -> None:
        self.problems[self._series.index(position)] = Problem(
            message.format(where=self._series.where(earlier)),
            severity=severity,
            elsewhere=(self._series.elsewhere(earlier, "trained on here"),),
        )
