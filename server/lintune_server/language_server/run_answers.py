"""What the base model and the checkpoints of a run answer to the first samples of the eval set, as far as it is known.

Most of it was asked ahead. What a checkpoint answered stays known when its files make way for those of a newer one.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lintune_server.language_server
from lintune_schemas import runs as run_files
from lintune_schemas.cache import Cache
from lintune_schemas.errors import LintuneError
from lintune_server import word_diff
from lintune_server.language_server import convert, eval_samples, roster
from lintune_server.language_server.preview import Model, Priority
from lintune_server.training.run_log import RunLog

if TYPE_CHECKING:
    from lintune_server.language_server.eval_samples import EvalSample
    from lintune_server.language_server.lineup import Lineup
    from lintune_server.language_server.preview import Answer, Question
    from lintune_server.language_server.session import Session

ANSWERS_CHANGED = "lintune/answersChanged"

_SAMPLES = 6
"""As many as somebody reads."""

_TUNED = "tuned"
_CHECKPOINT = re.compile(r"run:.*:(\d+)")


@dataclass(frozen=True, slots=True)
class _Asked:
    """The models of a run, the base first, its last one last; called `base`, `tuned`, or by the step."""

    recipe: Path | None = None
    models: tuple[tuple[str | int, Model], ...] = ()
    problem: str | None = None


class RunAnswers:
    """Belongs to the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._cache = Cache("run-models", Path(lintune_server.language_server.__path__[0]))
        self._asking: dict[Path, asyncio.Task[None]] = {}
        self._problems: dict[Path, str] = {}
        """Why a run's models could not be asked."""

    async def of(self, name: str, *, ask: bool) -> dict[str, Any]:
        """The answers of a run's models. Raises LintuneError when it is no run of the workspace.

        ask: has the base and the newest model asked what they were not, and returns at once.
        """
        run = await self._session.run_records.require(name)
        asked = await asyncio.to_thread(self._models, run)
        samples = await asyncio.to_thread(eval_samples.first, asked.recipe, _SAMPLES) if asked.recipe else []
        if ask and self._session.trusted and run not in self._asking:
            self._problems.pop(run, None)
            self._asking[run] = self._session.start(self._ask(run, name, asked, samples))
        shown = [await self._sample(sample, asked) for sample in samples]
        problem = asked.problem or self._problems.get(run)
        if asked.recipe and not samples:
            problem = "The recipe has no test_datasets whose samples could be asked."
        return {
            "samples": shown,
            "canAsk": self._session.trusted and _lacks(shown, asked),
            "asking": run in self._asking,
            "problem": problem,
        }

    def heard(self, recipe: Path, lineup: Lineup) -> None:
        """A model that is asked has answered about a sample."""
        for voice in lineup.asked:
            run = run_files.runs_folder(recipe.parent) / voice.run if voice.run else None
            name = self._session.run_records.name_of(run) if run else None
            if name:
                self._tell(name)

    def _tell(self, run: str) -> None:
        self._session.server.protocol.notify(ANSWERS_CHANGED, {"run": run})

    async def _ask(self, run: Path, name: str, asked: _Asked, samples: list[EvalSample]) -> None:
        chosen = dict([asked.models[0], asked.models[-1]]) if asked.models else {}
        try:
            for sample in samples:
                questions = [_question(sample, model) for model in chosen.values()]
                for asking in self._session.preview.ask([one for one in questions if one], Priority.ASKED, self):
                    await asyncio.shield(asking.done)
                self._tell(name)
        except LintuneError as error:
            self._problems[run] = str(error)
        finally:
            del self._asking[run]
            self._tell(name)

    async def _sample(self, sample: EvalSample, asked: _Asked) -> dict[str, Any]:
        reference = sample.prompted.reference
        turns = sample.prompted.inspection.conversation.turns
        answers = []
        for name, model in asked.models:
            question = _question(sample, model)
            answer = await self._session.preview.known(question) if question else None
            if answer:
                answers.append(_answer(name, answer, reference))
        return {
            "uri": convert.uri_of(sample.path),
            "line": sample.line,
            "prompt": next((turn.content for turn in reversed(turns) if turn.role == "user"), ""),
            "reference": reference,
            "answers": answers,
        }

    def _models(self, run: Path) -> _Asked:
        """Those that are there, and checkpoints that were. Never raises."""
        log = RunLog(run)
        log.look()
        if log.started is None:  # there is nothing to say yet
            return _Asked()
        try:
            found = roster.of_run(run, base_alone=True)
        except LintuneError as error:
            return _Asked(problem=str(error))
        models: dict[str | int, Model] = {}
        for voice in reversed(found.voices):
            step = _CHECKPOINT.fullmatch(voice.model.id)
            name = roster.BASE if voice.model.id == roster.BASE else _TUNED
            models[int(step[1]) if step else name] = voice.model
        key = self._cache.key_of(str(run))
        before = self._cache.get(key, dict[int, Model]) or {}
        steps = before | {step: model for step, model in models.items() if isinstance(step, int)}
        if steps != before:
            self._cache.put(key, steps)
        at_steps: list[tuple[str | int, Model]] = [*sorted(steps.items())]
        base, tuned = ([(name, models[name])] if name in models else [] for name in (roster.BASE, _TUNED))
        return _Asked(found.recipe_path, (*base, *at_steps, *tuned))


def _lacks(shown: list[dict[str, Any]], asked: _Asked) -> bool:
    """Whether one of those that would be asked has not answered about a sample."""
    would = {name for name, _ in (*asked.models[:1], *asked.models[-1:])}
    return any(would - {answer["step"] or answer["model"] for answer in sample["answers"]} for sample in shown)


def _question(sample: EvalSample, model: Model) -> Question | None:
    try:
        return sample.prompted.question(model)
    except LintuneError:  # this sample's template or tokens: another's may do
        return None


def _answer(name: str | int, answer: Answer, reference: str | None) -> dict[str, Any]:
    is_step = isinstance(name, int)
    parts = word_diff.differences(reference, answer.text) if reference is not None else None
    return {
        "model": "checkpoint" if is_step else name,
        "step": name if is_step else None,
        "text": answer.text,
        "whole": answer.whole,
        "equal": None if reference is None else reference.strip() == answer.text.strip(),
        "diff": [{"kind": part.kind.name.lower(), "text": part.text} for part in parts] if parts else None,
    }
