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
from lintune_trainer import data, process, workspace
from lintune_trainer.run import LOG, create
from lintune_trainer.support import remarks, require_supported

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lintune_trainer.process import Streams


def train(recipe_path: Path, assignments: Sequence[str], streams: Streams) -> None:
    """Carry out the recipe, with `key=value` assignments applied, in a run directory of its own.

    Raises LintuneError or OSError before there is a run directory; then RunFailedError, Cancelled.
    """
    begin = time.perf_counter()
    process.require_train_extra()
    recipe_path = recipe_path.resolve()
    folder = recipe_path.parent
    recipe = recipes.load(recipe_path, assignments)
    require_supported(recipe)
    base = base_model.find(recipe.base_model, folder)

    with workspace.locked(folder):
        files = data.read(recipe, folder)
        run = create(recipe, folder, runs.lock_datasets(recipe, recipe_path, files.train, files.test), streams.print)
        streams.log_to(run.folder / LOG)
        process.prepare_libraries(network=base.kind is ModelKind.HUB)
        with run.recorded():
            with run.stage(Stage.PREPARE):
                # Imported here: torch takes seconds, and what it and others print is for the log.
                from lintune_trainer import adapter, card, device, export, loss, models, training, verify

                base = models.fetch(base)
                chat = model_files.load_tokenizer(base, recipe.chat_template, recipe.chat_template_jinja)
                train_set, eval_set = data.tokenize(files, recipe, chat, run.warn)
                steps = plan(recipe, len(train_set))
                on = device.choose(recipe)
                started = events.RunStarted(
                    run=run.name,
                    recipe=recipe_path.name,
                    run_dir=run.folder.relative_to(folder).as_posix(),
                    pid=os.getpid(),
                    base_model=base.name,
                    samples=len(train_set),
                    eval_samples=len(eval_set),
                    trained_tokens=sum(sample.trained_tokens for sample in train_set),
                    total_steps=steps.total_steps,
                    device=on.name,
                )
                run.emit(started)
                for remark in remarks(recipe, on.kind):
                    run.warn(remark)
                weights = models.weights_folder(base)
                model = models.load_for_training(weights, recipe, on)
                on.free_memory()  # copies that were quantized

            evaluations = []
            batch_size = recipe.eval_batch_size or recipe.micro_batch_size
            if eval_set:
                with run.stage(Stage.BASELINE):
                    before = loss.mean_loss(model, eval_set, batch_size)
                    evaluations.append(training.evaluated(run, EvaluationKind.BASELINE, 0, before))

            with run.stage(Stage.TRAIN):
                tuned = adapter.attach(model, recipe)
                evaluations += training.fine_tune(tuned, train_set, eval_set, recipe, steps, on, run)
                adapter.save(tuned, export.adapter_folder(run.folder))
                run.artefact(ArtefactKind.ADAPTER, export.adapter_folder(run.folder))

            if eval_set:
                with run.stage(Stage.EVALUATE):
                    after = loss.mean_loss(tuned, eval_set, batch_size)
                    evaluations.append(training.evaluated(run, EvaluationKind.FINAL, run.step, after))
            card.write_evaluations(run.folder, evaluations, eval_set)
            del model, tuned
            on.free_memory()  # the next stages load whole weights

            gguf = None
            if recipe.lintune.export.gguf:
                with run.stage(Stage.EXPORT):
                    written = export.write(run, base, weights, chat, recipe.lintune.export.gguf)
                gguf = written[0]
                if export.has_llama_cpp():
                    with run.stage(Stage.VERIFY):
                        asked = [sample.conversation for sample in eval_set or train_set]
                        gguf = gguf if verify.verify(run, chat, asked, written) else None

            card.write(run.folder, recipe, weights, started, evaluations)
            run.finish(
                events.RunFinished(
                    run=run.name,
                    seconds=round(time.perf_counter() - begin, 3),
                    eval_loss_before=evaluations[0].eval_loss if eval_set else None,
                    eval_loss_after=evaluations[-1].eval_loss if eval_set else None,
                    model=run.relative(gguf) if gguf else None,
                )
            )
