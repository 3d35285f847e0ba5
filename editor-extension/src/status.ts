// What the server says of a workspace's runs (the notification `lintune/status`), in words for a status bar.

/** Parameters of `lintune/status`. */
export interface Status {
  readonly state: "idle" | "untrained" | "training" | "exporting" | "paused" | "ready" | "failed";
  readonly text: string;
  readonly detail: string;
  /** URI of the recipe. */
  readonly recipe: string | null;
  /** Path of the run directory. */
  readonly run: string | null;
  readonly step: number | null;
  readonly total: number | null;
  readonly loss: number | null;
  /** Whether a run that did not end can be gone on with. */
  readonly resumable: boolean;
}

const ICONS: Readonly<Record<Status["state"], string>> = {
  idle: "circle-outline",
  untrained: "circle-outline",
  // No spinning here: the progress beside the item spins.
  training: "beaker",
  exporting: "beaker",
  paused: "debug-pause",
  ready: "pass-filled",
  failed: "error",
};

/** Whether a run is going on. */
export function isRunning(status: Status): boolean {
  return status.state === "training" || status.state === "exporting";
}

/** The item's text: short. While a run goes on, the progress beside it has the loss and the time left. */
export function barText(status: Status, trusted = true): string {
  const icon = `$(${ICONS[status.state]})`;
  if (!trusted) {
    return "$(shield) Lintune: linting only";
  }
  if (status.state === "idle") {
    return `${icon} Lintune`;
  }
  if (status.state === "training" && status.step !== null && status.total !== null) {
    return `${icon} Lintune: step ${status.step}/${status.total}`;
  }
  return `${icon} Lintune: ${status.text}`;
}

/** The lines of the item's tooltip, as plain text. */
export function tooltipLines(status: Status, trusted = true): string[] {
  const lines = [status.text, status.detail];
  if (!trusted) {
    lines.push("This workspace is not trusted: nothing is trained, and no model is loaded.");
  }
  if (status.recipe !== null) {
    lines.push(`Recipe: ${lastNames(decodeURIComponent(status.recipe), 2)}`);
  }
  if (status.run !== null) {
    lines.push(`Run: ${lastNames(status.run, 1)}`);
  }
  return lines.filter((line) => line !== "");
}

function lastNames(path: string, count: number): string {
  return path.split(/[/\\]/).slice(-count).join("/");
}
