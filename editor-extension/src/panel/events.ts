// Written by event-types.mjs from run-event.schema.json: npm run types.

export interface RunStarted {
  readonly event: "run_started";
  readonly run: string;
  readonly time: string;
  readonly recipe: string;
  readonly run_dir: string;
  readonly pid: number;
  readonly base_model: string;
  readonly samples: number;
  readonly eval_samples: number;
  readonly trained_tokens: number;
  readonly total_steps: number;
  readonly device: string;
  readonly backend?: string;
  readonly warm_start?: WarmStart | null;
}

/** What a run goes on from, and what of the data it trains on. */
export interface WarmStart {
  readonly run: string;
  readonly new: number;
  readonly replayed: number;
}

/** A run that was paused, stopped or killed goes on in another process. Steps after `step` are reported again. */
export interface RunResumed {
  readonly event: "run_resumed";
  readonly run: string;
  readonly time: string;
  readonly pid: number;
  readonly step: number;
}

export interface StageChanged {
  readonly event: "stage";
  readonly run: string;
  readonly time: string;
  readonly stage: Stage;
  readonly state: StageState;
  readonly seconds?: number | null;
}

/** The parts of a run, in the order in which they happen. */
export type Stage = "baseline" | "evaluate" | "export" | "prepare" | "train" | "verify";

export type StageState = "finished" | "started";

export interface Progress {
  readonly event: "progress";
  readonly run: string;
  readonly time: string;
  readonly step: number;
  readonly total_steps: number;
  readonly epoch: number;
  readonly loss: number;
  readonly learning_rate: number;
  readonly tokens_per_second: number;
  readonly eta_seconds: number;
  readonly grad_norm?: number | null;
  readonly memory_bytes?: number | null;
}

export interface Evaluation {
  readonly event: "evaluation";
  readonly run: string;
  readonly time: string;
  readonly kind: EvaluationKind;
  readonly step: number;
  readonly eval_loss: number;
  readonly perplexity: number;
  readonly token_accuracy?: number | null;
  readonly exact_match?: number | null;
  readonly train_loss?: number | null;
  readonly reward_accuracy?: number | null;
  readonly reward_margin?: number | null;
}

/** Which weights were evaluated: the base model, a checkpoint on the way, or the run's last ones. */
export type EvaluationKind = "baseline" | "checkpoint" | "final";

/** The adapter of a checkpoint can be asked. The checkpoint itself, with what a run needs to go on, comes after. */
export interface AdapterSaved {
  readonly event: "adapter";
  readonly run: string;
  readonly time: string;
  readonly step: number;
  readonly path: string;
}

export interface CheckpointSaved {
  readonly event: "checkpoint";
  readonly run: string;
  readonly time: string;
  readonly step: number;
  readonly path: string;
  readonly best?: boolean;
}

export interface ArtefactWritten {
  readonly event: "artefact";
  readonly run: string;
  readonly time: string;
  readonly kind: ArtefactKind;
  readonly path: string;
  readonly bytes: number;
  readonly quantization?: string | null;
}

export type ArtefactKind = "adapter" | "adapter_gguf" | "gguf" | "merged";

export interface Verified {
  readonly event: "verified";
  readonly run: string;
  readonly time: string;
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** One link of the chain between trained model and export, and whether it holds. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly link?: Link | null;
  readonly file?: string | null;
  readonly figures?: Readonly<Record<string, number>>;
}

/** The links of the chain from what was trained to what a file says. */
export type Link = "EOS" | "adapter" | "configuration" | "format" | "quantization" | "rope" | "template" | "tokenizer" | "weights";

export interface Warned {
  readonly event: "warning";
  readonly run: string;
  readonly time: string;
  readonly message: string;
  readonly topic?: WarningTopic | null;
  readonly epoch?: number | null;
  readonly samples?: readonly SamplePlace[];
}

/** What a warning is about, where a program may want to know. */
export type WarningTopic = "best_is_earlier" | "early_stop" | "loss_spike" | "not_finite" | "over_fitting";

/** Where a sample stands. */
export interface SamplePlace {
  readonly path: string;
  readonly line: number;
}

export interface RunFinished {
  readonly event: "run_finished";
  readonly run: string;
  readonly time: string;
  readonly seconds: number;
  readonly eval_loss_before: number | null;
  readonly eval_loss_after: number | null;
  readonly model: string | null;
}

export interface RunFailed {
  readonly event: "run_failed";
  readonly run: string;
  readonly time: string;
  readonly message: string;
  readonly samples?: readonly SamplePlace[];
}

/** It was asked to rest, and can be resumed. */
export interface RunPaused {
  readonly event: "run_paused";
  readonly run: string;
  readonly time: string;
  readonly step: number;
}

export interface RunCancelled {
  readonly event: "run_cancelled";
  readonly run: string;
  readonly time: string;
  readonly step: number;
}

export type RunEvent =
  | RunStarted
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
  | RunCancelled;
