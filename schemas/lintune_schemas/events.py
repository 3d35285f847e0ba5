"""What a trainer reports while it runs: one JSON object a line, in `events.jsonl` and on its standard output.

The same lines drive the editor's progress, the terminal's progress bar and the list of runs. Their JSON Schema is
`json/run-event.schema.json`; a test holds the two together.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Stage(StrEnum):
    """The parts of a run, in the order in which they happen."""

    PREPARE = "prepare"
    BASELINE = "baseline"
    TRAIN = "train"
    EVALUATE = "evaluate"
    EXPORT = "export"
    VERIFY = "verify"


class StageState(StrEnum):
    STARTED = "started"
    FINISHED = "finished"


class EvaluationKind(StrEnum):
    """Which weights were evaluated: the base model, a checkpoint on the way, or the run's last ones."""

    BASELINE = "baseline"
    CHECKPOINT = "checkpoint"
    FINAL = "final"


class ArtefactKind(StrEnum):
    ADAPTER = "adapter"
    MERGED = "merged"
    GGUF = "gguf"
    ADAPTER_GGUF = "adapter_gguf"
    """The adapter alone, as llama.cpp puts it on the base model."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False, tag_field="event"):
    run: str
    """Name of the run directory."""
    time: str = msgspec.field(default_factory=_now)
    """ISO 8601, UTC."""


class SamplePlace(msgspec.Struct, frozen=True):
    """Where a sample stands."""

    path: str
    """As the recipe names the file."""
    line: int
    """1-based."""


class WarmStart(msgspec.Struct, frozen=True):
    """What a run goes on from, and what of the data it trains on."""

    run: str
    new: int
    """Samples that run has not seen."""
    replayed: int
    """Samples that it has."""


class WarningTopic(StrEnum):
    """What a warning is about, where a program may want to know."""

    OVER_FITTING = "over_fitting"
    LOSS_SPIKE = "loss_spike"
    NOT_FINITE = "not_finite"
    BEST_IS_EARLIER = "best_is_earlier"
    EARLY_STOP = "early_stop"


class RunStarted(_Event, frozen=True, kw_only=True, tag="run_started"):
    recipe: str
    run_dir: str
    pid: int
    base_model: str
    samples: int
    eval_samples: int
    trained_tokens: int
    """Tokens with a label, over all training samples, once."""
    total_steps: int
    device: str
    backend: str = "builtin"
    warm_start: WarmStart | None = None


class RunResumed(_Event, frozen=True, kw_only=True, tag="run_resumed"):
    """A run that was paused, stopped or killed goes on in another process. Steps after `step` are reported again."""

    pid: int
    step: int
    """The optimizer step that it goes on from: that of a checkpoint, or 0."""


class StageChanged(_Event, frozen=True, kw_only=True, tag="stage"):
    stage: Stage
    state: StageState
    seconds: float | None = None
    """Wall time of the stage, when it finished."""


class Progress(_Event, frozen=True, kw_only=True, tag="progress"):
    step: int
    total_steps: int
    epoch: float
    loss: float
    learning_rate: float
    tokens_per_second: float
    """All tokens of the batches (prompt and answer) over wall time."""
    eta_seconds: float
    grad_norm: float | None = None
    memory_bytes: int | None = None
    """The most that was in use so far: of the GPU, without one of the process."""


class Evaluation(_Event, frozen=True, kw_only=True, tag="evaluation"):
    kind: EvaluationKind
    step: int
    eval_loss: float
    """Mean negative log-likelihood in nats over the trained tokens of the eval set."""
    perplexity: float
    token_accuracy: float | None = None
    """The share of the trained tokens that the model finds likeliest."""
    exact_match: float | None = None
    """The share of the samples of which it finds every trained token likeliest: what it would answer, greedily."""
    train_loss: float | None = None
    """The mean of the training loss since the last evaluation, in nats a token."""
    reward_accuracy: float | None = None
    """Of preference pairs, the share whose better answer has the higher reward. `eval_loss` is then that of the method,
    and the other figures are about the better answers."""
    reward_margin: float | None = None
    """By how much the reward of the better answers is above that of the worse, on average."""


class AdapterSaved(_Event, frozen=True, kw_only=True, tag="adapter"):
    """The adapter of a checkpoint can be asked. The checkpoint itself, with what a run needs to go on, comes after."""

    step: int
    path: str
    """For llama.cpp, in the run's directory."""


class CheckpointSaved(_Event, frozen=True, kw_only=True, tag="checkpoint"):
    step: int
    path: str
    best: bool = False
    """Whether its evaluation is the best so far."""


class ArtefactWritten(_Event, frozen=True, kw_only=True, tag="artefact"):
    kind: ArtefactKind
    path: str
    bytes: int
    quantization: str | None = None


class Link(StrEnum):
    """The links of the chain from what was trained to what a file says."""

    FORMAT = "format"
    """The file itself: whole, and in a form that llama.cpp loads."""
    TEMPLATE = "template"
    TOKENIZER = "tokenizer"
    EOS = "EOS"
    CONFIGURATION = "configuration"
    """Sizes and constants of the architecture, but for those of the positions."""
    ROPE = "rope"
    WEIGHTS = "weights"
    QUANTIZATION = "quantization"
    ADAPTER = "adapter"
    """The adapter's own file, on the base model."""


class Check(msgspec.Struct, frozen=True):
    """One link of the chain between trained model and export, and whether it holds."""

    name: str
    ok: bool
    detail: str
    """For a person: what was compared, or what is broken and why that is thought."""
    link: Link | None = None
    """Of one that does not hold, what is broken."""
    file: str | None = None
    """Which of the run's files it is about; null for all of them."""
    figures: dict[str, float] = {}
    """What was measured, such as `kl_mean` in nats; a figure and its limit bear the same name, but for `_limit`."""


class Verified(_Event, frozen=True, kw_only=True, tag="verified"):
    ok: bool
    checks: list[Check]


class Warned(_Event, frozen=True, kw_only=True, tag="warning"):
    message: str
    topic: WarningTopic | None = None
    epoch: float | None = None
    """Where it is about one: the epoch to stop at."""
    samples: list[SamplePlace] = []
    """The samples that it is about."""


class RunFinished(_Event, frozen=True, kw_only=True, tag="run_finished"):
    seconds: float
    eval_loss_before: float | None
    eval_loss_after: float | None
    model: str | None
    """Path of the GGUF file to serve, or null when the recipe exports none."""


class RunFailed(_Event, frozen=True, kw_only=True, tag="run_failed"):
    message: str
    """What went wrong and what to do, for a person."""
    samples: list[SamplePlace] = []
    """The samples to look at: those of the batch whose loss was no number."""


class RunPaused(_Event, frozen=True, kw_only=True, tag="run_paused"):
    """It was asked to rest, and can be resumed."""

    step: int


class RunCancelled(_Event, frozen=True, kw_only=True, tag="run_cancelled"):
    step: int


Event = (
    RunStarted
    | RunResumed
    | StageChanged
    | Progress
    | Evaluation
    | AdapterSaved
    | CheckpointSaved
    | ArtefactWritten
    | Verified
    | Warned
    | RunFinished
    | RunFailed
    | RunPaused
    | RunCancelled
)

LAST_EVENTS = (RunFinished, RunFailed, RunPaused, RunCancelled)
"""A run whose record ends with none of these died, or is still going on."""

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """One line of JSON, without the line end."""
    return msgspec.json.encode(event)


def decode(line: bytes | str) -> Event:
    """Read one line. Raises `msgspec.DecodeError` (or its `ValidationError`) when it is not an event."""
    return _decoder.decode(line)


def read(path: Path) -> Iterator[Event]:
    """The events of a run's `events.jsonl`; a last line cut short by a killed process is left out."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines[:-1]:
        if line.strip():
            yield decode(line)
