// What the panel and its page say to each other, and what the server says of a run.

/** How a run is; `gone`: its directory was deleted. */
export type RunState = "running" | "finished" | "failed" | "cancelled" | "paused" | "dead" | "gone";

/** Result of `lintune/events`. */
export interface EventsPage {
  readonly lines: string;
  readonly after: number;
  readonly next: number;
  readonly more: boolean;
  readonly state: RunState;
  readonly resumable: boolean;
  /** URI. */
  readonly recipe: string | null;
}

/** Words of an answer that are in the reference, too, or only in one of them. */
export interface DiffPart {
  readonly kind: "both" | "reference" | "answer";
  readonly text: string;
}

export interface SampleAnswer {
  readonly model: "base" | "checkpoint" | "tuned";
  /** Of a checkpoint. */
  readonly step: number | null;
  readonly text: string;
  /** Whether it came to its end by itself. */
  readonly whole: boolean;
  /** Whether it equals the reference; null without one. */
  readonly equal: boolean | null;
  /** Null where the two are equal, or have too little in common. */
  readonly diff: readonly DiffPart[] | null;
}

export interface AskedSample {
  /** URI. */
  readonly uri: string;
  /** 0-based. */
  readonly line: number;
  readonly prompt: string;
  readonly reference: string | null;
  readonly answers: readonly SampleAnswer[];
}

/** Result of `lintune/answers`. */
export interface Answers {
  readonly samples: readonly AskedSample[];
  /** Whether there are models that could be asked more. */
  readonly canAsk: boolean;
  readonly asking: boolean;
  /** Why there are none, for a person. */
  readonly problem: string | null;
}

/** What the page shows beside the run's record. */
export interface Situation {
  readonly run: string | null;
  /** Whether the panel shows the run that goes on, and the next one when that begins. */
  readonly live: boolean;
  readonly state: RunState | "waiting" | "none";
  readonly resumable: boolean;
  readonly recipe: string | null;
  readonly trusted: boolean;
  /** Why nothing new is heard of the run; null while the server runs. */
  readonly problem: string | null;
  /** What the server says while there is no run. */
  readonly status: string;
}

export type ToPage =
  | { readonly kind: "situation"; readonly situation: Situation }
  | { readonly kind: "events"; readonly lines: string; readonly anew: boolean; readonly more: boolean }
  | { readonly kind: "answers"; readonly answers: Answers | null };

export type Action =
  | "train"
  | "stop"
  | "pause"
  | "resume"
  | "recipe"
  | "card"
  | "output"
  | "restart"
  | "trust"
  | "ask";

export type FromPage =
  | { readonly kind: "ready" }
  | { readonly kind: "action"; readonly action: Action }
  /** There may be more answers. */
  | { readonly kind: "answers" }
  /** line: 0-based. path: as the recipe names it, or a URI. */
  | { readonly kind: "sample"; readonly path: string; readonly line: number };
