"""From a run to its report: which samples, which models, what they answered, and what that comes to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lintune_schemas import base_model, model_files
from lintune_schemas.errors import LintuneError
from lintune_schemas.evaluation_report import Model, Report, Sample, Settings
from lintune_schemas.run_evaluation import Mark
from lintune_server.evaluation import asking, bootstrap, eval_set, json_answers, metrics, models
from lintune_server.evaluation.asking import Asking
from lintune_server.sidecar.supervisor import require_serve_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lintune_schemas.evaluation_report import LeftOut, Result
    from lintune_schemas.recipe import Recipe
    from lintune_server.evaluation.eval_set import EvalSample, EvalSet
    from lintune_server.evaluation.models import Compared
    from lintune_server.training.records import Record

_CONTEXT = 4096
"""Tokens of prompt and answer together that there is room for in any case."""


@dataclass(frozen=True, slots=True)
class Options:
    model: str | None = None
    """Which of the run's models: see `models.choose`."""
    data: Path | None = None
    """A data set in the place of the run's eval set."""
    schema: Path | None = None
    """A JSON Schema that answers are to fit."""
    limit: int | None = None
    """The first so many samples only."""
    samples: int | None = None
    """So many at random."""
    seed: int = 0
    max_tokens: int | None = None
    context: int | None = None


async def evaluate(record: Record, options: Options, on_progress: Callable[[str, int, int], None]) -> Report:
    """Compare a run's base and tuned model. on_progress: see `asking.ask_all`. Raises LintuneError."""
    require_serve_extra()
    recipe = eval_set.recipe_of(record)
    base = base_model.find(recipe.base_model, record.recipe_folder)
    compared = models.choose(record, base, options.model)
    fits = json_answers.fits(options.schema) if options.schema else None
    chat = model_files.load_tokenizer(base, recipe.chat_template, recipe.chat_template_jinja)
    found = eval_set.of_run(record, recipe, chat, options.data)
    samples = _chosen(found.samples, options)
    context = options.context or _context(recipe, samples, options.max_tokens)
    too_long = list(eval_set.left_out(samples, context))
    places = {(one.path, one.line) for one in too_long}
    samples = [sample for sample in samples if (sample.path, sample.line) not in places]
    how = Asking(options.max_tokens, context, tuple(chat.end_tokens))
    answers, refused = await asking.ask_all(compared, samples, how, on_progress) if samples else ({}, [])
    if not answers:
        one = [*too_long, *refused][0]
        raise LintuneError(
            f"No sample could be asked about; of {one.path}:{one.line}, {one.reason}. Make room with --context."
        )
    left_out = [*found.left_out, *too_long, *refused]
    both = {
        index: (metrics.result(samples[index], base, fits), metrics.result(samples[index], tuned, fits))
        for index, (base, tuned) in answers.items()
    }
    return _report(record, options, compared, recipe, found, context, [(samples[i], *both[i]) for i in both], left_out)


def _chosen(samples: Sequence[EvalSample], options: Options) -> list[EvalSample]:
    if options.samples is not None:
        return eval_set.some(samples, options.samples, options.seed)
    return list(samples[: options.limit])


def _context(recipe: Recipe, samples: Sequence[EvalSample], max_tokens: int | None) -> int:
    """Room for the longest sample that training had room for, and for an answer to it; and for several short ones."""
    longest = max((2 * sample.reference_tokens + asking.ROOM for sample in samples), default=0)
    return max(_CONTEXT, recipe.sequence_len + (max_tokens or longest))


def _report(
    record: Record,
    options: Options,
    compared: Compared,
    recipe: Recipe,
    found: EvalSet,
    context: int,
    results: Sequence[tuple[EvalSample, Result, Result]],
    left_out: list[LeftOut],
) -> Report:
    each = [
        Sample(
            sample.path,
            sample.line,
            sample.digest,
            sample.question,
            sample.prompt,
            sample.reference,
            base,
            tuned,
            None if base.is_right is None or tuned.is_right is None else Mark.of(base.is_right, tuned.is_right),
        )
        for sample, base, tuned in results
    ]
    counted = Counter(sample.mark for sample in each)
    return Report(
        version=1,
        run=record.name,
        recipe=record.recipe or "",
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        base=Model(recipe.base_model, str(compared.base)),
        tuned=Model(compared.name, compared.file.relative_to(record.folder).as_posix()),
        settings=Settings(
            data=list(found.data),
            samples_seed=options.seed if options.samples is not None else None,
            max_tokens=options.max_tokens,
            context=context,
            draws=bootstrap.DRAWS,
            seed=options.seed,
            confidence=bootstrap.CONFIDENCE,
            schema=str(options.schema) if options.schema else None,
        ),
        figures=metrics.figures([(base, tuned) for _, base, tuned in results], options.seed),
        marks={mark: counted[mark] for mark in Mark},
        left_out=left_out,
        each=each,
    )
