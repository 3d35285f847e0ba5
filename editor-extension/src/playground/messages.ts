// What server, extension and the playground's page say to each other.

/** Whose models are meant: those of a recipe (or a data set) by its URI, or of a run by its directory. */
export interface Place {
  readonly recipe?: string;
  readonly run?: string;
}

/** A model, and what it is called. */
export interface Model {
  readonly id: string;
  readonly title: string;
  readonly detail: string;
  readonly run: string | null;
}

/** The result of `lintune/serve`. */
export interface Served {
  /** Base URL for clients of OpenAI's API. */
  readonly url: string;
  readonly key: string;
  readonly models: readonly Model[];
  readonly recipe: string;
  readonly run: string | null;
}

export interface Message {
  readonly role: string;
  readonly content: string;
}

/** How models are to answer; null for the model's own way. */
export interface Parameters {
  readonly temperature: number | null;
  readonly maxTokens: number | null;
  readonly topP: number | null;
  readonly seed: number | null;
  readonly stop: readonly string[];
  /** A JSON schema that the answer follows. */
  readonly schema: Readonly<Record<string, unknown>> | null;
}

/** A conversation that comes from a sample: without its answer, which is the reference. */
export interface Sample {
  readonly recipe: string;
  /** Of the data set. */
  readonly name: string;
  /** 0-based. */
  readonly line: number;
  readonly messages: readonly Message[];
  readonly reference: string | null;
}

/** The result of `lintune/models`. */
export interface Setup {
  readonly recipe: string;
  readonly baseModel: string;
  readonly models: readonly Model[];
  readonly usual: readonly string[];
  readonly preview: { readonly maxTokens: number; readonly temperature: number };
  readonly ownTemplate: boolean;
  readonly datasets: readonly { readonly uri: string; readonly name: string; readonly eval: boolean }[];
}

/** The result of `lintune/draftSample` and `lintune/addSample`. */
export interface Draft {
  readonly dataset: string;
  /** 0-based. */
  readonly line: number;
  readonly text: string;
  readonly findings: readonly Finding[];
  /** Of one that was added: whether it is in the file, or in an editor with unsaved changes. */
  readonly saved?: boolean;
}

export interface Finding {
  readonly code: string;
  readonly severity: "error" | "warning" | "info" | "hint";
  readonly message: string;
}

/** How an answer came. Seconds are counted from the question on. */
export interface Timing {
  readonly firstSeconds: number | null;
  readonly tokensPerSecond: number | null;
  readonly tokens: number | null;
  readonly ended: "stop" | "length" | "stopped";
}

/** A question to one of the two models; `ask` tells it from earlier ones. */
export interface Ask {
  readonly ask: number;
  readonly side: number;
}

export type ToPage =
  | { readonly type: "setup"; readonly place: Place; readonly setup: Setup; readonly sample: Sample | null }
  | { readonly type: "problem"; readonly message: string }
  | ({ readonly type: "piece"; readonly text: string } & Ask)
  | ({ readonly type: "done"; readonly timing: Timing } & Ask)
  | ({ readonly type: "failed"; readonly message: string } & Ask)
  | { readonly type: "copied"; readonly side: number; readonly what: "answer" | "curl" }
  | { readonly type: "draft"; readonly draft: Draft }
  | { readonly type: "added"; readonly draft: Draft }
  | { readonly type: "takenBack" }
  | { readonly type: "notAdded"; readonly message: string };

export interface Question {
  /** Those of both sides, so that both are in memory. */
  readonly models: readonly string[];
  readonly messages: readonly Message[];
  readonly parameters: Parameters;
}

export type ToHost =
  | { readonly type: "ready" }
  | ({ readonly type: "ask"; readonly asks: readonly Ask[] } & Question)
  | { readonly type: "stop"; readonly side: number }
  | { readonly type: "copy"; readonly side: number; readonly text: string }
  | ({ readonly type: "curl"; readonly side: number } & Question)
  | { readonly type: "draft" | "add"; readonly dataset: string; readonly messages: readonly Message[] }
  | { readonly type: "takeBack"; readonly dataset: string }
  | { readonly type: "show"; readonly dataset: string; readonly line: number };
