"""Reports of samples as tests write them down."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lintune_schemas.evaluation_report import LeftOut, Model, Report, Sample, Settings
from lintune_schemas.run_evaluation import Mark
from lintune_server.evaluation import metrics
from lintune_server.evaluation.asking import Answered
from lintune_server.evaluation.eval_set import EvalSample, Scored

if TYPE_CHECKING:
    from collections.abc import Sequence

HALF_LEARNED = Scored((1, 2, 3, 4), (2, 3))


class Said(NamedTuple):
    """A sample: its question, its reference, and what both models answered."""

    question: str
    reference: str
    base: str
    tuned: str


def report(
    samples: Sequence[Said], *, left_out: Sequence[LeftOut] = (), losses: tuple[float, float] = (3.0, 0.5)
) -> Report:
    """What `lintune eval` would make of them. losses: of base and tuned model, in nats a token."""
    each = []
    for number, said in enumerate(samples, start=1):
        asked = (f"User: {said.question}\n", (1, 2), said.reference, 5)
        sample = EvalSample("eval.jsonl", number, f"{number:064x}", said.question, *asked, HALF_LEARNED)
        base, tuned = (
            metrics.result(sample, Answered(text, len(text) < 80, len(text) // 4 + 1, 50.0, 2 * loss), None)
            for text, loss in zip((said.base, said.tuned), losses, strict=True)
        )
        assert base.is_right is not None and tuned.is_right is not None
        mark = Mark.of(base.is_right, tuned.is_right)
        each.append(
            Sample("eval.jsonl", number, sample.digest, said.question, sample.prompt, said.reference, base, tuned, mark)
        )
    return Report(
        version=1,
        run="20261125T120000Z-0123abcd",
        recipe="recipe.yaml",
        time="2026-11-25T12:00:00+00:00",
        base=Model("smollm2-135m-instruct", "/models/SmolLM2-135M-Instruct.Q4_1.gguf"),
        tuned=Model("adapter", "adapter.gguf"),
        settings=Settings(["eval.jsonl"], None, None, 512, 5_000, 0, 0.95, None),
        figures=metrics.figures([(sample.base, sample.tuned) for sample in each], 0),
        marks={mark: sum(sample.mark is mark for sample in each) for mark in Mark},
        left_out=list(left_out),
        each=each,
    )
