// The events of a run, newest first, to be filtered.
import type { RunEvent } from "../../panel/events";
import { clock, sentence } from "../../panel/format";
import type { RunRecord } from "../../panel/record";
import { h, section } from "./dom";

const KINDS = {
  all: "Everything but steps",
  warning: "Warnings and errors",
  evaluation: "Evaluations and checkpoints",
  file: "Files",
  progress: "Steps",
} as const;

type Kind = keyof typeof KINDS;

const OF_KIND: Readonly<Record<Kind, readonly RunEvent["event"][]>> = {
  all: [],
  warning: ["warning", "run_failed"],
  evaluation: ["evaluation", "checkpoint"],
  file: ["artefact", "verified"],
  progress: ["progress"],
};

/** Lines that are shown: more are no help to anybody, and take time. */
const MOST = 300;

export interface LogState {
  readonly kind: Kind;
  readonly words: string;
}

export class Log {
  private readonly kinds = h(
    "select",
    { id: "log-kind" },
    ...Object.entries(KINDS).map(([kind, title]) => h("option", { value: kind }, title)),
  );
  private readonly words = h("input", { id: "log-words", type: "search", placeholder: "Filter" });
  private readonly list = h("ol", { class: "log", tabindex: 0, "aria-label": "Events, newest first" });
  private readonly note = h("p", { class: "empty" });
  readonly element = section(
    "events",
    "Events",
    [
      h("label", { for: "log-kind", class: "unseen" }, "Kind of events"),
      this.kinds,
      h("label", { for: "log-words", class: "unseen" }, "Words in events"),
      this.words,
    ],
    this.list,
    this.note,
  );
  private record: RunRecord | null = null;
  private shown = "";

  constructor(before: LogState | undefined, changed: (state: LogState) => void) {
    this.kinds.value = before?.kind ?? "all";
    this.words.value = before?.words ?? "";
    const filter = () => {
      this.list.scrollTop = 0;
      this.update();
      changed({ kind: this.kinds.value as Kind, words: this.words.value });
    };
    this.kinds.addEventListener("change", filter);
    this.words.addEventListener("input", filter);
  }

  show(record: RunRecord): void {
    this.record = record;
    this.update();
  }

  private update(): void {
    if (this.record === null) {
      return;
    }
    const { log, progress, recent, steps } = this.record;
    const kind = this.kinds.value as Kind;
    const words = this.words.value.trim().toLowerCase();
    const newest = kind === "progress" ? steps.step.length : log.length;
    const key = JSON.stringify([kind, words, newest, log.at(-1)?.time, kind === "progress" ? progress?.time : 0]);
    if (key === this.shown) {
      return;
    }
    this.shown = key;
    const found = eventLines(kind === "progress" ? recent : log, OF_KIND[kind], words);
    this.list.hidden = found.length === 0;
    this.list.replaceChildren(...found.slice(0, MOST));
    this.note.hidden = found.length > 0 && found.length <= MOST;
    this.note.textContent =
      found.length > MOST ? `The newest ${MOST} are shown.` : newest === 0 ? "Nothing has happened yet." : "No event has these words.";
  }
}

function eventLines(log: readonly RunEvent[], kinds: readonly RunEvent["event"][], words: string): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (const event of log.toReversed()) {
    if (found.length > MOST) {
      break;
    }
    const text = sentence(event);
    if ((kinds.length === 0 || kinds.includes(event.event)) && text.toLowerCase().includes(words)) {
      const kind = event.event === "run_failed" ? "error" : event.event === "warning" ? "warning" : undefined;
      found.push(h("li", { class: kind }, h("time", { datetime: event.time }, clock(event.time)), h("span", {}, text)));
    }
  }
  return found;
}
