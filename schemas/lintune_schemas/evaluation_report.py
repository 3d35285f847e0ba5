"""`evaluation.json` of a run: what `lintune eval` found. Its JSON Schema is `json/evaluation.schema.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lintune_schemas.run_evaluation import Mark  # noqa: TC001 (msgspec reads the annotation)

if TYPE_CHECKING:
    from pathlib import Path

FILE = "evaluation.json"
PAGE = "evaluation.html"


class Model(msgspec.Struct, frozen=True):
    name: str
    """As `--model` takes it: `adapter`, `checkpoint:40`, `q4_k_m`; of the base model, its name in the recipe."""
    file: str
    """The GGUF file that was asked: of the base model with its whole path, of the run relative to its directory."""


class Settings(msgspec.Struct, frozen=True):
    data: list[str]
    """The data sets, as the recipe names them."""
    samples_seed: int | None
    """Of the draw of samples; null when all were taken, or the first ones."""
    max_tokens: int | None
    """Of an answer; null for twice its reference and 32 more."""
    context: int
    """Tokens of prompt and answer together, at most."""
    draws: int
    """Of the bootstrap."""
    seed: int
    """Of the bootstrap."""
    confidence: float
    schema: str | None
    """The JSON Schema that answers were to fit."""


class LeftOut(msgspec.Struct, frozen=True):
    """A sample of the eval set that no model was asked about."""

    path: str
    line: int
    reason: str


class Interval(msgspec.Struct, frozen=True):
    value: float
    low: float
    high: float


class Figure(msgspec.Struct, frozen=True):
    """One metric of both models."""

    metric: str
    title: str
    unit: str
    """`share` (0 to 1, of the samples), `score` (0 to 1), `perplexity`, `tokens` or `tokens/s`."""
    better: str | None
    """`higher`, `lower`, or null where neither is."""
    samples: int
    """Those that it is about."""
    base: Interval
    tuned: Interval
    difference: Interval
    """Of tuned - base, paired sample by sample."""


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a model did on a sample; what was not measured is left out."""

    text: str | None = None
    """Its answer, without the end token."""
    stopped: bool | None = None
    """Whether it ended by itself."""
    tokens: int | None = None
    tokens_per_second: float | None = None
    exact: bool | None = None
    normalized: bool | None = None
    json_valid: bool | None = None
    json_equal: bool | None = None
    json_schema: bool | None = None
    rouge_l: float | None = None
    chrf: float | None = None
    loss: float | None = None
    """Of the reference, in nats a trained token."""
    trained_tokens: int | None = None
    prefers: bool | None = None
    """Of a preference pair: whether the better answer is likelier than the worse one."""

    @property
    def is_right(self) -> bool | None:
        """What a mark goes by: the preference of a pair; equal JSON, where the reference is JSON; else the answer but
        for case, white space and punctuation. None of a text without a question."""
        judged = (self.prefers, self.json_equal, self.normalized)
        return next((verdict for verdict in judged if verdict is not None), None)


class Sample(msgspec.Struct, frozen=True):
    path: str
    """As the recipe names the file."""
    line: int
    """1-based."""
    digest: str
    """SHA-256 of its contents, in hexadecimal, as in eval.json."""
    question: str
    """The last message before the answer."""
    prompt: str | None
    """What the models were asked, rendered; null of a text without a question."""
    reference: str | None
    base: Result
    tuned: Result
    mark: Mark | None


class Report(msgspec.Struct, frozen=True):
    version: int
    run: str
    recipe: str
    time: str
    """ISO 8601, UTC."""
    base: Model
    tuned: Model
    settings: Settings
    figures: list[Figure]
    marks: dict[Mark, int]
    """How many samples have each."""
    left_out: list[LeftOut]
    each: list[Sample]
    """In the order of the eval set."""


def read(run: Path) -> Report | None:
    """That of a run directory; None when there is none, or none that can be understood."""
    try:
        return msgspec.json.decode((run / FILE).read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError):
        return None
