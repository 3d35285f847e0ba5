"""What is measured of answers: each metric's name, what a sample adds to it, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lintune_schemas.evaluation_report import Figure, Interval, Result
from lintune_server.evaluation import bootstrap, json_answers, matching, overlap
from lintune_server.evaluation.bootstrap import Asked, Ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from lintune_server.evaluation.asking import Answered
    from lintune_server.evaluation.bootstrap import Numbers
    from lintune_server.evaluation.eval_set import EvalSample

_NOTHING = (0.0, 0.0)
_FEWEST = 10
"""Samples from which on something is said to be better or worse: of fewer, intervals of the bootstrap are too narrow;
that of one sample is a point."""
_MOST = 50.0
"""Nats. Perplexities beyond e to this mean nothing, and JSON has no infinity."""


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    title: str
    about: str
    unit: Literal["share", "score", "perplexity", "tokens", "tokens/s"]
    better: Literal["higher", "lower"] | None

    @property
    def bounds(self) -> tuple[float, float] | None:
        return (0.0, 1.0) if self.unit in ("share", "score") else None

    def adds(self, result: Result) -> tuple[float, float] | None:
        """What a sample adds above and below the line of the ratio that the figure is; None when it says nothing."""
        if self.unit == "perplexity":
            if result.loss is None or result.trained_tokens is None:
                return None
            return result.loss * result.trained_tokens, float(result.trained_tokens)
        value = getattr(result, self.name)
        return None if value is None else (float(value), 1.0)


METRICS = (
    Metric("exact", "Exact match", "The answer is the reference, letter for letter.", "share", "higher"),
    Metric(
        "normalized",
        "Normalized match",
        "The same, but for case, white space, punctuation and Unicode's compatibility forms.",
        "share",
        "higher",
    ),
    Metric("json_valid", "Valid JSON", "The answer is one JSON object or list and nothing else.", "share", "higher"),
    Metric("json_equal", "Equal JSON", "The same JSON as the reference, in any order of keys.", "share", "higher"),
    Metric("json_schema", "Fits the schema", "Valid JSON that fits the JSON Schema given.", "share", "higher"),
    Metric("prefers", "Prefers the better", "The better answer is likelier than the worse one.", "share", "higher"),
    Metric("rouge_l", "ROUGE-L", "Words in common with the reference, in its order (F1).", "score", "higher"),
    Metric("chrf", "chrF", "Runs of characters in common with the reference (F2).", "score", "higher"),
    Metric("perplexity", "Perplexity", "How surprising the references are, a token.", "perplexity", "lower"),
    Metric("stopped", "Ended by itself", "The answer ended before its limit.", "share", "higher"),
    Metric("tokens", "Answer length", "Tokens of an answer.", "tokens", None),
    Metric(
        "tokens_per_second", "Speed", "Tokens per second of an answer, while others are written too.", "tokens/s", None
    ),
)
BY_NAME = {metric.name: metric for metric in METRICS}


def result(sample: EvalSample, answered: Answered, fits: Callable[[Any], bool] | None) -> Result:
    """How a model did on a sample. fits: what says whether JSON fits the schema, if there is one."""
    counted = len(sample.whole.learned)
    loss = None if answered.nats is None else round(answered.nats / counted, 6)
    prefers = None
    if answered.nats is not None and answered.rejected_nats is not None:
        prefers = answered.nats < answered.rejected_nats
    if answered.text is None or sample.reference is None:
        return Result(loss=loss, trained_tokens=counted if loss is not None else None, prefers=prefers)
    wanted = json_answers.read(sample.reference)
    said = json_answers.read(answered.text) if wanted is not None or fits else None
    return Result(
        text=answered.text,
        stopped=answered.stopped,
        tokens=answered.tokens,
        tokens_per_second=answered.tokens_per_second,
        exact=matching.is_exact(answered.text, sample.reference),
        normalized=matching.is_same(answered.text, sample.reference, punctuation=wanted is not None),
        json_valid=said is not None if wanted is not None or fits else None,
        json_equal=json_answers.is_equal(said, wanted) if wanted is not None else None,
        json_schema=said is not None and fits(said) if fits else None,
        rouge_l=overlap.rouge_l(answered.text, sample.reference),
        chrf=overlap.chrf(answered.text, sample.reference),
        loss=loss,
        trained_tokens=counted if loss is not None else None,
        prefers=prefers,
    )


def figures(results: Sequence[tuple[Result, Result]], seed: int) -> list[Figure]:
    """Every metric that any sample says something of; base and tuned, with intervals."""
    asked: list[Asked] = []
    found: list[tuple[Metric, int]] = []
    for metric in METRICS:
        added = [(metric.adds(of_base), metric.adds(of_tuned)) for of_base, of_tuned in results]
        # A sample counts for both models or for neither: their difference is one of pairs.
        pairs = [pair if all(pair) else (_NOTHING, _NOTHING) for pair in added]
        count = sum(all(pair) for pair in added)
        if not count:
            continue
        base, tuned = (Ratio(*zip(*(pair[model] for pair in pairs), strict=True)) for model in (0, 1))
        asked.append(Asked(base, tuned, metric.bounds, _perplexity if metric.unit == "perplexity" else None))
        found.append((metric, count))
    compared = bootstrap.compare(asked, seed) if asked else []
    return [
        Figure(
            metric.name,
            metric.title,
            metric.unit,
            metric.better,
            count,
            *(Interval(*(round(end, 6) for end in interval)) for interval in of),
        )
        for (metric, count), of in zip(found, compared, strict=True)
    ]


def verdict(figure: Figure) -> Literal["better", "worse"] | None:
    """What the interval of the difference says of the tuned model; None when 0 is in it, or nothing is better, or when
    there are too few samples to say."""
    change = figure.difference
    if figure.better is None or figure.samples < _FEWEST or change.low <= 0 <= change.high:
        return None
    return "better" if (change.value > 0) == (figure.better == "higher") else "worse"


def _perplexity(losses: Numbers) -> Numbers:
    return np.exp(np.minimum(losses, _MOST))
