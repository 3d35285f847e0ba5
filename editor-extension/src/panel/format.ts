// Numbers and names as people read them.
import type { RunState } from "./messages";
import type { CheckpointSaved, Evaluation, RunEvent, Stage } from "./events";

/** What stands where nothing is known (yet). */
export const NONE = "–";

/** A loss, or another number of any size: four digits, but no more than four behind the point. */
export function decimal(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return NONE;
  }
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) {
    return value.toExponential(2).replace("+", "");
  }
  if (size >= 1_000) {
    return count(value);
  }
  return size === 0 ? "0" : value.toFixed(size < 1 ? 4 : 3 - Math.floor(Math.log10(size)));
}

/** 2e-4, 1.25e-5. */
export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return NONE;
  }
  if (value === 0) {
    return "0";
  }
  const [mantissa = "", exponent = ""] = value.toExponential(2).split("e");
  return `${mantissa.replace(/\.?0+$/, "")}e${exponent.replace("+", "")}`;
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined || !Number.isFinite(value) ? NONE : Math.round(value).toLocaleString("en");
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? NONE : `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)}%`;
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value) || value <= 0) {
    return NONE;
  }
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(value) / 3), units.length - 1);
  const scaled = value / 1_000 ** power;
  return `${scaled.toFixed(scaled < 10 && power > 0 ? 2 : scaled < 100 && power > 0 ? 1 : 0)} ${units[power] ?? ""}`;
}

/** 0:07, 12:30, 1:02:03. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds) || seconds < 0) {
    return NONE;
  }
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60), whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

/** The time of day of an event, where the person is. */
export function clock(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString("en-GB");
}

/** When a run began, as its directory's name says: 25 Nov, 19:06. */
export function runTime(run: string): string {
  const found = /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(run);
  if (found === null) {
    return run.split(/[/\\]/).at(-1) ?? run;
  }
  const [, year, month, day, hour, minute, second] = found.map(Number);
  const date = new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second));
  return `${date.getDate()} ${date.toLocaleString("en", { month: "short" })}, ${date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}`;
}

export const STATES: Readonly<Record<RunState | "waiting" | "none", string>> = {
  running: "Training",
  finished: "Finished",
  failed: "Failed",
  cancelled: "Stopped",
  paused: "Paused",
  dead: "Died",
  gone: "Deleted",
  waiting: "Starting",
  none: "No run yet",
};

export const STAGE_NAMES: Readonly<Record<Stage, string>> = {
  prepare: "Prepare",
  baseline: "Baseline",
  train: "Fine-tune",
  evaluate: "Evaluate",
  export: "Merge and export",
  verify: "Verify",
};

export const EVALUATION_NAMES: Readonly<Record<Evaluation["kind"], string>> = {
  baseline: "Base model",
  checkpoint: "Checkpoint",
  final: "Final",
};

/** One line of the log. */
export function sentence(event: RunEvent): string {
  switch (event.event) {
    case "run_started":
      return `Run started on ${event.device}: ${event.base_model}, ${count(event.samples)} samples, ${count(event.total_steps)} steps`;
    case "run_resumed":
      return `Run resumed after step ${count(event.step)}`;
    case "stage":
      return event.state === "started"
        ? `${STAGE_NAMES[event.stage]} started`
        : `${STAGE_NAMES[event.stage]} finished in ${duration(event.seconds)}`;
    case "progress":
      return `Step ${count(event.step)} of ${count(event.total_steps)}: loss ${decimal(event.loss)}, learning rate ${rate(event.learning_rate)}, ${count(event.tokens_per_second)} tokens/s`;
    case "evaluation":
      return evaluated(event);
    case "adapter":
      return `The model of step ${count(event.step)} can be asked`;
    case "checkpoint":
      return saved(event);
    case "artefact":
      return `Wrote ${event.path} (${bytes(event.bytes)})`;
    case "verified":
      return event.ok ? "The exported model equals the trained one" : "The exported model does not equal the trained one";
    case "warning":
      return event.message;
    case "run_finished":
      return `Run finished in ${duration(event.seconds)}`;
    case "run_failed":
      return event.message;
    case "run_paused":
      return `Run paused after step ${count(event.step)}`;
    case "run_cancelled":
      return `Run stopped after step ${count(event.step)}`;
  }
}

function evaluated(event: Evaluation): string {
  const which = event.kind === "baseline" ? "base model" : `step ${count(event.step)}`;
  const exact = event.exact_match === null || event.exact_match === undefined ? "" : `, ${percent(event.exact_match)} exact`;
  return `Evaluated ${which}: loss ${decimal(event.eval_loss)}${exact}`;
}

function saved(event: CheckpointSaved): string {
  return `Checkpoint at step ${count(event.step)}${event.best ? ", the best so far" : ""}`;
}
