// What the server says of runs (the request `lintune/runs`), and what of it a person reads in a row.

/** Result of `lintune/runs`. */
export interface Runs {
  readonly recipes: readonly Recipe[];
  /** Those that an export can be asked for. */
  readonly quantizations: readonly string[];
}

export interface Recipe {
  readonly uri: string;
  readonly name: string;
  /** Path of its folder. */
  readonly folder: string;
  /** Whether its file is there still. */
  readonly exists: boolean;
  /** The newest first. */
  readonly runs: readonly Run[];
}

export interface Run {
  /** Of its directory: what names it in requests. */
  readonly path: string;
  readonly name: string;
  readonly state: "running" | "finished" | "failed" | "cancelled" | "paused" | "dead";
  /** What is done with it now that it is over, as `exporting …`. */
  readonly doing: string | null;
  /** What matters of it, in a line. */
  readonly line: string;
  /** ISO 8601. */
  readonly began: string | null;
  readonly bytes: number;
  readonly problem: string | null;
  readonly checkpoints: readonly Checkpoint[];
  readonly exports: readonly Export[];
  readonly evaluation: Evaluation | null;
  readonly card: string | null;
  readonly canResume: boolean;
  readonly canExport: boolean;
  readonly canVerify: boolean;
  readonly canDelete: boolean;
}

export interface Checkpoint {
  readonly path: string;
  readonly step: number;
  readonly evalLoss: number | null;
  readonly best: boolean;
}

export interface Export {
  readonly path: string;
  readonly name: string;
  readonly quantization: string;
  readonly bytes: number;
  /** Whether it equals the trained model; null where that was not looked at. */
  readonly proven: boolean | null;
}

export interface Evaluation {
  /** Path of its page. */
  readonly page: string | null;
  readonly samples: number;
  /** How many answers were `fixed`, `broken` and so on. */
  readonly marks: Readonly<Record<string, number>>;
}

/** When a run began, in the time of where one is: `Today 09:47`, `25 Nov 09:47`, `25 Nov 2025 09:47`. */
export function beganAt(run: Run, now: Date): string {
  const began = run.began === null ? NaN : Date.parse(run.began);
  if (Number.isNaN(began)) {
    return run.name;
  }
  const then = new Date(began);
  const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(then);
  const daysAgo = Math.round((midnight(now) - midnight(then)) / 86_400_000);
  if (daysAgo === 0 || daysAgo === 1) {
    return `${daysAgo === 0 ? "Today" : "Yesterday"} ${time}`;
  }
  const year = then.getFullYear() === now.getFullYear() ? {} : ({ year: "numeric" } as const);
  return `${new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...year }).format(then)} ${time}`;
}

function midnight(time: Date): number {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
}

/** `138 MB`, `1.1 GB`, `12 kB`: of 1024 each, as the command line has it. */
export function size(bytes: number): string {
  const steps: readonly [number, string][] = [
    [2 ** 30, "GB"],
    [2 ** 20, "MB"],
  ];
  const [unit, name] = steps.find(([least]) => bytes >= least) ?? [1024, "kB"];
  const count = bytes / unit;
  return `${name === "GB" && count < 9.95 ? count.toFixed(1) : Math.round(count)} ${name}`;
}

/** `2 fixed, 1 broken`: what changed comes first. */
export function marksOf(evaluation: Evaluation): string {
  return ["fixed", "broken", "still wrong", "still right"]
    .filter((mark) => (evaluation.marks[mark] ?? 0) > 0)
    .map((mark) => `${evaluation.marks[mark] ?? 0} ${mark}`)
    .join(", ");
}
