"""transformers' Trainer, with checkpoints that are whole or absent, and our events in place of its log."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils import is_liger_kernel_available

from lintune_schemas import events, runs
from lintune_schemas.events import EvaluationKind
from lintune_trainer import adapter, adapter_gguf, batches, checkpoints, device, evaluation, export, lora, process
from lintune_trainer.engines import ranks
from lintune_trainer.evaluation import Scores
from lintune_trainer.loss import training_loss
from lintune_trainer.not_finite import FiniteSteps, require_finite_scores, require_finite_weights
from lintune_trainer.process import Paused
from lintune_trainer.support import optimizer
from lintune_trainer.watch import Watch, evaluated_on_the_way, keeps_best, train_loss_since

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from lintune_schemas.plan import Plan
    from lintune_schemas.recipe import Recipe
    from lintune_trainer.data import Sample
    from lintune_trainer.device import Device
    from lintune_trainer.evaluation import Score
    from lintune_trainer.job import Job
    from lintune_trainer.preference import PairScores
    from lintune_trainer.run import Run


def fine_tune(job: Job, model: Any = None) -> list[events.Evaluation]:
    """Train an adapter on the job's base model, leave it in the run's adapter folder, and give the evaluations made on
    the way.

    model: the base model with an adapter around it, where an engine makes it in a way of its own.
    Raises SamplesError when training diverges; OSError and the like when a checkpoint cannot be written; Paused when
    the run was asked to rest, after a checkpoint.
    """
    run, recipe = job.run, job.recipe
    some = evaluated_on_the_way(job.evaluation, job.train, job.plan, recipe)
    if len(some) < len(job.evaluation) and job.checkpoint is None:
        run.warn(
            f"Evaluations on the way are made with {len(some):,} of the {len(job.evaluation):,} evaluation samples: "
            "with all of them they would take too much of the time. The first and the last are made with all."
        )
    job = replace(job, evaluation=some)
    model = adapter.attach(job.model.base(), recipe, job.adapter) if model is None else model
    if job.device.kind == "cpu":
        lora.join(model)
    reporter = _Reporter(run, recipe)
    folder = checkpoints.folder_of(run.folder)
    settings = partial(arguments, recipe, job.plan, job.device, folder, evaluates=bool(job.evaluation))
    watch = Watch(job, lambda: trainer.step_samples)
    watch.look_at_start(model)
    callbacks = [reporter, watch, _Pause()]
    if recipe.rl is None:
        trainer = AtomicTrainer(
            model=model,
            args=settings(),
            train_dataset=batches.rows(job.train, recipe),
            eval_dataset=job.evaluation or None,
            data_collator=batches.Collator(model, padded=recipe.neftune_noise_alpha is not None),
            compute_loss_func=training_loss,
            callbacks=callbacks,
        )
    else:
        from lintune_trainer import preference  # TRL takes seconds

        trainer = preference.trainer(model, job, settings, callbacks)
    trainer.group_by_length = recipe.group_by_length
    trainer.recipe_folder = job.recipe_path.parent
    trainer.publish_adapter = partial(publish_adapter, job)
    trainer.budget = recipe.lintune.checkpoints_gb * 1e9
    trainer.remove_callback(PrinterCallback)  # it prints to standard output
    trainer.train(resume_from_checkpoint=str(job.checkpoint) if job.checkpoint else None)
    if trainer.state.global_step < job.plan.total_steps and ranks.any_says(process.pausing()):
        raise Paused
    best = checkpoints.best(folder) if keeps_best(recipe) else None
    if best:
        adapter.restore(model, best)
    require_finite_weights(model, trainer.state.global_step)
    if ranks.first():
        adapter.save(model, export.adapter_folder(run.folder))
    job.model.keep(model)
    return reporter.evaluations


def publish_adapter(job: Job, step: int, folder: Path) -> None:
    """Have the adapter of a checkpoint, which is in a folder in PEFT's format, asked from now on, where that can be."""
    gguf = runs.checkpoint_adapter(job.run.folder, step)
    gguf.parent.mkdir(exist_ok=True)
    if adapter_gguf.try_to_write(folder, job.weights, gguf, job.run.warn_once):
        job.run.emit(events.AdapterSaved(run=job.run.name, step=step, path=job.run.relative(gguf)))


def arguments(
    recipe: Recipe,
    plan: Plan,
    on: Device,
    output: Path,
    kind: type[TrainingArguments] = TrainingArguments,
    *,
    evaluates: bool,
    **more: Any,
) -> TrainingArguments:
    """The recipe in transformers' words. more: what else a kind of its arguments is to be given."""
    cpu = on.kind == "cpu"
    dtype = str(on.dtype)
    return kind(
        output_dir=str(output),
        per_device_train_batch_size=recipe.micro_batch_size,
        per_device_eval_batch_size=recipe.eval_batch_size or recipe.micro_batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation_steps,
        max_steps=plan.total_steps,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.lr_scheduler,
        warmup_steps=plan.warmup_steps,
        optim=optimizer(recipe, on.kind),
        adam_beta1=recipe.adam_beta1 or 0.9,
        adam_beta2=recipe.adam_beta2 or 0.999,
        adam_epsilon=recipe.adam_epsilon or 1e-8,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        neftune_noise_alpha=recipe.neftune_noise_alpha,
        # Norms, rotary positions and MLPs; not its losses, which would compute all logits. TRL would take its losses.
        use_liger_kernel=not cpu and recipe.rl is None and is_liger_kernel_available(),
        liger_kernel_config={"cross_entropy": False, "fused_linear_cross_entropy": False},
        torch_compile=recipe.torch_compile is True,  # `auto` is no: it pays only for trainings of hours
        activation_checkpointing=bool(recipe.gradient_checkpointing),
        activation_checkpointing_kwargs={"use_reentrant": False},
        # fp16 needs its gradients scaled. bf16 on a GPU runs the adapter's fp32 matrices on tensor cores.
        fp16=dtype == "torch.float16",
        bf16=dtype == "torch.bfloat16" and not cpu,
        seed=recipe.seed,
        use_cpu=cpu,
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would report the mean of the losses before instead
        include_num_input_tokens_seen="non_padding",
        eval_strategy=_strategy(plan.eval_every) if evaluates else "no",
        eval_steps=plan.eval_every,
        save_strategy=_strategy(plan.save_every),
        save_steps=plan.save_every or 500,  # the default; not looked at when saving by epoch
        save_total_limit=plan.checkpoints_kept,
        dataloader_pin_memory=not cpu,
        ddp_find_unused_parameters=False,  # with several processes; each step trains the whole adapter
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
        **more,
    )


def _strategy(every: int | None) -> str:
    return "epoch" if every is None else "steps"


class AtomicTrainer(FiniteSteps, Trainer):  # type: ignore[misc] # transformers has no types
    """Evaluates as `score` does, and writes checkpoints so that what has its final name is whole."""

    control: Any
    budget: float = math.inf
    """Bytes that the checkpoints of all runs may take."""
    group_by_length: bool = False
    publish_adapter: Callable[[int, Path], object]
    """Takes a checkpoint's step, and the folder that its adapter is in."""
    _partial: Path | None = None

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The figures of an evaluation; Trainer's own loss is the mean of batches, whatever they hold."""
        scores = self.scores()
        require_finite_scores(scores, self.eval_dataset, self.recipe_folder)
        metrics = scores.figures() | train_loss_since(self.state.log_history)
        self.log(dict(metrics))  # it adds to them
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def scores(self) -> Scores | PairScores:
        """How the model does on the evaluation samples as it is now: of several processes, each looks at its share."""

        def of_share(share: Sequence[Sample]) -> Sequence[Score]:
            return evaluation.evaluate(self.model, share, self.args.per_device_eval_batch_size).each

        return Scores(tuple(ranks.dealt(self.eval_dataset, of_share)))

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        if not self.control.should_training_stop:  # as a run that is resumed after it had stopped early
            super()._run_epoch(*args, **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if not self.group_by_length:
            return super()._get_train_sampler(train_dataset)
        return batches.LengthGrouped(self.train_dataset, self.args.per_device_train_batch_size, self.args.seed)

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._partial or super()._get_output_dir(trial))

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Of a checkpoint that is the first file. What resuming it needs takes longer than the adapter."""
        super().save_model(output_dir, _internal_call)
        if self._partial and output_dir and ranks.first():
            self.publish_adapter(self.state.global_step, Path(output_dir))

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        folder = checkpoints.of_step(self.args.output_dir, self.state.global_step)
        if ranks.first() and folder.is_dir():
            checkpoints.remove(folder)  # written after the step, and once more after its evaluation
        with ranks.new_folder(folder) as partial:
            self._partial = partial
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self._partial = None
            ranks.wait_for_all()  # each process writes its own random state
            if ranks.first():
                written = partial / folder.name
                for file in written.iterdir():
                    file.rename(partial / file.name)
                written.rmdir()
                (partial / "README.md").unlink(missing_ok=True)  # PEFT's form with nothing filled in
                checkpoints.seal(partial, self._loss_here())
        if ranks.first():
            checkpoints.prune(folder.parents[1], self.args.save_total_limit, self.budget)

    def _loss_here(self) -> float | None:
        """The evaluation loss of the weights as they are, if they were evaluated."""
        here = (entry for entry in self.state.log_history if entry["step"] == self.state.global_step)
        return next((entry["eval_loss"] for entry in here if "eval_loss" in entry), None)


class _Pause(TrainerCallback):  # type: ignore[misc] # transformers has no types
    """Ends the training after a checkpoint when the run was asked to rest."""

    def on_step_end(self, _args: Any, _state: Any, control: Any, **_: Any) -> Any:
        if ranks.any_says(process.pausing()):
            control.should_save = control.should_training_stop = True
        return control


class _Reporter(TrainerCallback):  # type: ignore[misc] # transformers has no types
    """Turns what the Trainer reports into events."""

    def __init__(self, run: Run, recipe: Recipe) -> None:
        self.evaluations: list[events.Evaluation] = []
        self._run = run
        self._recipe = recipe
        self._start = 0.0
        self._first = self._tokens_before = 0

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        self._start = time.perf_counter()
        self._first, self._tokens_before = state.global_step, state.num_input_tokens_seen

    def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, float], **_: Any) -> None:
        if "loss" not in logs:
            return  # the Trainer's closing summary, or an evaluation
        seconds = time.perf_counter() - self._start
        done, tokens = state.global_step - self._first, state.num_input_tokens_seen - self._tokens_before
        self._run.emit(
            events.Progress(
                run=self._run.name,
                step=state.global_step,
                total_steps=state.max_steps,
                epoch=round(state.epoch, 4),
                loss=logs["loss"],
                learning_rate=logs["learning_rate"],
                tokens_per_second=round(float(tokens) / seconds, 1),
                eta_seconds=round(seconds / done * (state.max_steps - state.global_step), 1),
                grad_norm=logs.get("grad_norm"),
                memory_bytes=device.peak_memory(),
            )
        )

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> Any:
        return self._without_last_evaluation(state, control)

    def on_epoch_end(self, _args: Any, state: Any, control: Any, **_: Any) -> Any:
        return self._without_last_evaluation(state, control)

    def on_evaluate(self, _args: Any, state: Any, _control: Any, metrics: dict[str, float], **_: Any) -> None:
        evaluation = evaluated(self._run, EvaluationKind.CHECKPOINT, state.global_step, metrics)
        self.evaluations.append(evaluation)

    def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        self._run.saved(checkpoints.of_step(args.output_dir, state.global_step))

    def _without_last_evaluation(self, state: Any, control: Any) -> Any:
        """The evaluation after the last step is the run's final one, unless that is of a better checkpoint."""
        if state.global_step >= state.max_steps and not keeps_best(self._recipe):
            control.should_evaluate = False
        return control


def score(model: Any, samples: Sequence[Sample], recipe: Recipe, recipe_folder: Path) -> Scores | PairScores:
    """How a model does, with an adapter or without. Raises SamplesError when its loss is no number."""
    batch_size = recipe.eval_batch_size or recipe.micro_batch_size
    scores: Scores | PairScores
    if recipe.rl is None:
        scores = evaluation.evaluate(model, samples, batch_size)
    else:
        from lintune_trainer import preference

        scores = preference.evaluate(model, samples, recipe, batch_size)
    require_finite_scores(scores, samples, recipe_folder)
    return scores


def evaluated(run: Run, kind: EvaluationKind, step: int, figures: dict[str, float]) -> events.Evaluation:
    """Report an evaluation. figures: by the names of the event's fields."""
    rounded = {name: round(value, 6) for name, value in figures.items()}
    event = events.Evaluation(run=run.name, kind=kind, step=step, **rounded)  # type: ignore[arg-type]
    run.emit(event)
    return event
