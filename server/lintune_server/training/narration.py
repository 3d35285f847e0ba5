"""Events of a run in a few words, the same in the editor and in the terminal."""

from __future__ import annotations

from lintune_schemas.events import (
    ArtefactWritten,
    Evaluation,
    EvaluationKind,
    Event,
    Progress,
    RunFinished,
    RunStarted,
    Stage,
    Verified,
    Warned,
)

STAGES = {
    Stage.PREPARE: "preparing",
    Stage.BASELINE: "evaluating the base model",
    Stage.TRAIN: "training",
    Stage.EVALUATE: "evaluating the tuned model",
    Stage.EXPORT: "exporting",
    Stage.VERIFY: "verifying the export",
}
"""What a run is doing, as in “exporting …”."""


def duration(seconds: float) -> str:
    """Minutes and seconds as `3:07`, hours as `1:02:03`."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def loss(value: float | None) -> str:
    """In five columns: `3.761`, `12.34`; a dash where there is none."""
    if value is None:
        return "-"
    if abs(value) >= 10_000:
        return f"{value:.0e}"
    decimals = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1 if abs(value) < 1_000 else 0
    return f"{value:.{decimals}f}"


def share(value: float | None) -> str:
    """`42%`; a dash where there is none."""
    return "-" if value is None else f"{value:.0%}"


def step(progress: Progress) -> str:
    """`step 12/50 · loss 0.83 · 0:41 left`."""
    return (
        f"step {progress.step}/{progress.total_steps} · loss {progress.loss:.2f} · "
        f"{duration(progress.eta_seconds)} left"
    )


def finished(event: RunFinished) -> str:
    """One sentence: how long it took, and what became of the evaluation loss."""
    took = f"Trained in {duration(event.seconds)}"
    if event.eval_loss_before is None or event.eval_loss_after is None:
        return f"{took}."
    return f"{took}: evaluation loss {event.eval_loss_before:.3f} → {event.eval_loss_after:.3f}."


def notable(event: Event) -> str | None:
    """A line for events that a person wants to know of, besides stages and steps. None for the others."""
    match event:
        case RunStarted():
            return (
                f"{event.samples:,} samples, {event.trained_tokens:,} learned tokens, "
                f"{event.total_steps:,} steps on {event.device} → {event.run_dir}"
            )
        case Evaluation():
            what = EVALUATIONS[event.kind]
            return f"{what}: evaluation loss {event.eval_loss:.3f}, perplexity {event.perplexity:.2f}"
        case ArtefactWritten():
            return f"wrote {event.path} ({event.bytes / 1e6:,.1f} MB)"
        case Verified():
            failed = [f"{check.link or check.name}: {check.detail}" for check in event.checks if not check.ok]
            return "the export equals the trained model" if event.ok else f"THE EXPORT DIFFERS: {'; '.join(failed)}"
        case Warned():
            return f"warning: {event.message}"
    return None


EVALUATIONS = {
    EvaluationKind.BASELINE: "base model",
    EvaluationKind.CHECKPOINT: "checkpoint",
    EvaluationKind.FINAL: "tuned model",
}
"""What was evaluated."""
