// What the events of a run come to, event by event. After a run was resumed it reports some steps again: the later count.
import type {
  ArtefactWritten,
  CheckpointSaved,
  Evaluation,
  Progress,
  RunEvent,
  RunStarted,
  Stage,
  Verified,
  Warned,
} from "./events";

/** One number a step; NaN where there is none. */
export interface Steps {
  readonly step: number[];
  readonly epoch: number[];
  readonly loss: number[];
  readonly learningRate: number[];
  readonly tokensPerSecond: number[];
  readonly memory: number[];
}

export interface StageTime {
  /** Milliseconds since 1970. */
  readonly began: number;
  /** Null while it goes on. */
  readonly seconds: number | null;
}

/** In the order in which they happen. */
export const STAGES: readonly Stage[] = ["prepare", "baseline", "train", "evaluate", "export", "verify"];

/** Steps that are kept whole, at least. */
const RECENT = 300;

export class RunRecord {
  started: RunStarted | null = null;
  progress: Progress | null = null;
  readonly steps: Steps = { step: [], epoch: [], loss: [], learningRate: [], tokensPerSecond: [], memory: [] };
  evaluations: Evaluation[] = [];
  checkpoints: CheckpointSaved[] = [];
  readonly stages = new Map<Stage, StageTime>();
  readonly warnings = new Map<string, Warned>();
  readonly artefacts = new Map<string, ArtefactWritten>();
  verified: Verified | null = null;
  last: RunEvent | null = null;
  /** Everything but the steps, in order. */
  readonly log: Exclude<RunEvent, Progress>[] = [];
  /** The last steps, whole. */
  readonly recent: Progress[] = [];
  /** The most that was in use. */
  memoryBytes = 0;
  private begun = 0;
  private before = 0;

  /** Lines of `events.jsonl`. A line that is none of them is left out. */
  read(lines: string): RunEvent[] {
    const events: RunEvent[] = [];
    for (const line of lines.split("\n")) {
      const event = parsed(line);
      if (event !== null) {
        this.take(event);
        events.push(event);
      }
    }
    return events;
  }

  take(event: RunEvent): void {
    const time = Date.parse(event.time);
    if (this.begun === 0) {
      this.begun = time;
    }
    switch (event.event) {
      case "run_started":
        this.started = event;
        break;
      case "run_resumed":
        this.before = this.seconds;
        this.begun = time;
        this.goBack(event.step);
        break;
      case "stage":
        this.stages.set(event.stage, {
          began: event.state === "started" ? time : (this.stages.get(event.stage)?.began ?? time),
          seconds: event.state === "started" ? null : (event.seconds ?? null),
        });
        break;
      case "progress":
        this.step(event);
        break;
      case "evaluation":
        this.evaluations = this.evaluations.filter(({ kind, step }) => kind !== event.kind || step !== event.step);
        this.evaluations.push(event);
        break;
      case "checkpoint":
        this.checkpoints = this.checkpoints.filter(({ step }) => step !== event.step);
        this.checkpoints.push(event);
        break;
      case "artefact":
        this.artefacts.set(event.path, event);
        break;
      case "warning":
        this.warnings.set(event.message, event);
        break;
      case "verified":
        this.verified = event;
        break;
    }
    this.last = event;
    if (event.event !== "progress") {
      this.log.push(event);
    }
  }

  /** From its first event to its last, without the pauses before it was resumed. */
  get seconds(): number {
    if (this.last?.event === "run_finished") {
      return this.last.seconds; // by a clock that nobody sets
    }
    return this.last === null ? 0 : this.before + Math.max(Date.parse(this.last.time) - this.begun, 0) / 1_000;
  }

  get totalSteps(): number {
    return this.progress?.total_steps ?? this.started?.total_steps ?? 0;
  }

  get baseline(): Evaluation | undefined {
    return this.evaluations.find(({ kind }) => kind === "baseline");
  }

  /** The evaluations of tuned weights, one a step, in the order of their steps. */
  get tuned(): Evaluation[] {
    const bySteps = new Map<number, Evaluation>();
    // A checkpoint's counts before the final one of its step: that may be of the best weights, which are earlier ones.
    for (const kind of ["final", "checkpoint"] as const) {
      for (const made of this.evaluations.filter((one) => one.kind === kind && Number.isFinite(one.eval_loss))) {
        bySteps.set(made.step, made);
      }
    }
    return [...bySteps.values()].sort((one, other) => one.step - other.step);
  }

  /** The one with the lowest loss, of equal ones the first. */
  get best(): Evaluation | undefined {
    return this.tuned.reduce<Evaluation | undefined>(
      (best, made) => (best === undefined || made.eval_loss < best.eval_loss ? made : best),
      undefined,
    );
  }

  private step(event: Progress): void {
    if (event.step <= (this.steps.step.at(-1) ?? 0)) {
      this.cut(event.step - 1);
    }
    this.progress = event;
    this.memoryBytes = Math.max(this.memoryBytes, event.memory_bytes ?? 0);
    this.recent.push(event);
    if (this.recent.length > 2 * RECENT) {
      this.recent.splice(0, RECENT);
    }
    this.steps.step.push(event.step);
    this.steps.epoch.push(event.epoch);
    this.steps.loss.push(number(event.loss));
    this.steps.learningRate.push(number(event.learning_rate));
    this.steps.tokensPerSecond.push(number(event.tokens_per_second));
    this.steps.memory.push(number(event.memory_bytes));
  }

  private goBack(step: number): void {
    this.cut(step);
    this.evaluations = this.evaluations.filter((made) => made.step <= step);
    this.checkpoints = this.checkpoints.filter((made) => made.step <= step);
    this.progress = null;
    for (const stage of this.stages.keys()) {
      this.stages.delete(stage);
    }
  }

  /** Forget the steps behind one. */
  private cut(step: number): void {
    let length = this.steps.step.length;
    while (length > 0 && (this.steps.step[length - 1] ?? 0) > step) {
      length -= 1;
    }
    for (const column of Object.values(this.steps) as number[][]) {
      column.length = length;
    }
  }
}

/** What is no number (a loss that broke down, which JSON cannot say) is NaN. */
function number(value: number | null | undefined): number {
  return value ?? Number.NaN;
}

function parsed(line: string): RunEvent | null {
  if (line.trim() === "") {
    return null;
  }
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "event" in value && "time" in value
      ? (value as RunEvent)
      : null;
  } catch {
    return null;
  }
}
