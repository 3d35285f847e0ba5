"""One run from top to bottom: recipe and samples become an adapter, a merged model and a proven GGUF file."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from lintune_schemas import base_model, events, model_files, runs
from lintune_schemas import recipe as recipes
from lintune_schemas.base_model import ModelKind
from lintune_schemas.events import ArtefactKind, EvaluationKind, Stage
from lintune_schemas.plan import plan
from lintune_trainer import data, engines, process, resuming, run, snapshots, workspace
from lintune_trainer.support import remarks, require_supported

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_schemas.recipe import Recipe
    from lintune_trainer.data import Data
    from lintune_trainer.engines import Engine
    from lintune_trainer.process import Streams
    from lintune_trainer.run import Run


def train(recipe_path: Path, assignments: Sequence[str], resume: str | None, streams: Streams) -> None:
    """Carry out the recipe, with `key=value` assignments applied, in a run directory of its own.

    resume: the name of a run, or `latest`, to go on with instead, by the recipe and the data that it began with;
    assignments may then only change what it takes of the machine.
    Raises LintuneError or OSError before there is a run directory; then RunFailedError, Cancelled, Paused.
    """
    process.require_train_extra()
    recipe_path = recipe_path.resolve()
    if resume:
        going_on = resuming.find(recipe_path, resume)
        with workspace.locked(recipe_path.parent):
            this, recipe, lock = resuming.reopen(going_on, assignments, streams.print)
            require_supported(recipe)
            engine = engines.choose(recipe, recipe_path)
            files = data.read_again(recipe, recipe_path.parent, lock)
            _carry_out(this, recipe, recipe_path, files, engine, streams, goes_on=True)
        return
    recipe = recipes.load(recipe_path, assignments)
    require_supported(recipe)
    engine = engines.choose(recipe, recipe_path)
    base_model.find(recipe.base_model, recipe_path.parent)  # before anything is written
    with workspace.locked(recipe_path.parent):
        snapshots.prune(recipe_path.parent)
        files = data.read(recipe, recipe_path.parent, keep=True)
        this = run.create(
            recipe, recipe_path.parent, runs.lock_datasets(recipe, recipe_path, files.train, files.test), streams.print
        )
        _carry_out(this, recipe, recipe_path, files, engine, streams)


def _carry_out(
    this: Run,
    recipe: Recipe,
    recipe_path: Path,
    files: Data,
    engine: Engine,
    streams: Streams,
    *,
    goes_on: bool = False,
) -> None:
    """Every stage of a run; of one that goes on, those that are not done yet."""
    begin = time.perf_counter()
    base = base_model.find(recipe.base_model, recipe_path.parent)
    streams.log_to(this.folder / run.LOG)
    process.prepare_libraries(network=base.kind is ModelKind.HUB)
    with this.recorded():
        with this.stage(Stage.PREPARE):
            # Imported here: torch takes seconds, and what it and others print is for the log.
            from lintune_trainer import (
                batches,
                card,
                checkpoints,
                conclusion,
                device,
                eval_file,
                export,
                models,
                ollama,
                plot,
                training,
                verify,
                warm_start,
            )
            from lintune_trainer.job import HeldModel, Job

            trained = export.adapter_folder(this.folder)
            checkpoint = checkpoints.newest(checkpoints.folder_of(this.folder))
            if goes_on:
                this.go_on(this.past.step if trained.is_dir() else checkpoints.step_of(checkpoint))
            base = models.fetch(base)
            chat = model_files.load_tokenizer(base, recipe.chat_template, recipe.chat_template_jinja)
            train_set, eval_set = data.tokenize(files, recipe, chat, this.warn)
            start = warm_start.choose(recipe, recipe_path, train_set, this.past.started)
            steps = plan(recipe, len(batches.rows(start.samples, recipe)), engine.processes)
            on = device.choose(recipe)
            if this.past.started is None:
                started = events.RunStarted(
                    run=this.name,
                    recipe=recipe_path.name,
                    run_dir=this.folder.relative_to(recipe_path.parent).as_posix(),
                    pid=os.getpid(),
                    base_model=base.name,
                    samples=len(start.samples),
                    eval_samples=len(eval_set),
                    trained_tokens=sum(sample.trained_tokens for sample in start.samples),
                    total_steps=steps.total_steps,
                    device=on.name if engine.processes == 1 else f"{engine.processes} × {on.name}",
                    backend=engine.backend,
                    warm_start=start.described,
                )
                this.emit(started)
                for remark in (*start.remarks, *remarks(recipe, on.kind)):
                    this.warn(remark)
            weights = models.weights_folder(base)
            if export.has_llama_cpp():
                export.require_base(this, base, weights)
                on.free_memory()
            model = HeldModel(weights, recipe, on)

        evaluations = list(this.past.evaluations)
        if eval_set and this.past.baseline is None:
            with this.stage(Stage.BASELINE):
                before = training.score(model.base(), eval_set, recipe, recipe_path.parent)
                # Before the event: a run that is resumed does not score the base model again once it is there.
                eval_file.write(this.folder, recipe_path.parent, eval_set, evaluations, base=before)
                evaluations.append(training.evaluated(this, EvaluationKind.BASELINE, 0, before.figures()))

        if not trained.is_dir():
            with this.stage(Stage.TRAIN):
                job = Job(
                    run=this,
                    recipe=recipe,
                    recipe_path=recipe_path,
                    weights=weights,
                    model=model,
                    train=start.samples,
                    evaluation=eval_set,
                    plan=steps,
                    device=on,
                    checkpoint=checkpoint,
                    adapter=start.adapter,
                )
                evaluations += engine.fine_tune(job)
                this.artefact(ArtefactKind.ADAPTER, trained)

        export.write_adapter(this, weights)
        if eval_set and this.past.final is None:
            with this.stage(Stage.EVALUATE):
                after = training.score(model.tuned(trained), eval_set, recipe, recipe_path.parent)
                conclusion.with_evaluation(this, recipe, steps, start.samples, eval_set, model.tuned(trained), after)
                eval_file.write(this.folder, recipe_path.parent, eval_set, evaluations, tuned=after)
                figures = after.figures() | conclusion.train_loss(this)
                evaluations.append(training.evaluated(this, EvaluationKind.FINAL, this.step, figures))
        elif not eval_set:
            conclusion.without_evaluation(this, recipe, steps, start.samples, lambda: model.tuned(trained))
        eval_file.write(this.folder, recipe_path.parent, eval_set, evaluations)
        model.release()  # the next stages load whole weights

        gguf = None
        if recipe.lintune.export.gguf:
            with this.stage(Stage.EXPORT):
                read = [sample.ids for sample in start.samples] if recipe.lintune.export.imatrix else None
                written = export.write(this, base, weights, chat, recipe.lintune.export.gguf, read)
            gguf = written[0]
            if export.has_llama_cpp():
                with this.stage(Stage.VERIFY):
                    asked, learned = ([sample.conversation for sample in files] for files in (eval_set, train_set))
                    gguf = gguf if verify.verify(this, base, weights, chat, asked, learned, written) else None

        if gguf:
            ollama.write(this.folder, gguf, chat, recipe)
        plot.of_run(this)
        card.write(this.folder, recipe, weights)
        this.finish(
            events.RunFinished(
                run=this.name,
                seconds=round(this.past.seconds + time.perf_counter() - begin, 3),
                eval_loss_before=evaluations[0].eval_loss if eval_set else None,
                eval_loss_after=evaluations[-1].eval_loss if eval_set else None,
                model=this.relative(gguf) if gguf else None,
            )
        )
