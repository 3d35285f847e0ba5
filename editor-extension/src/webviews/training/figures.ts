// The figures on top: how far it is, how well it does, how fast it goes.
import { bytes, count, decimal, duration, NONE, rate } from "../../panel/format";
import type { Situation } from "../../panel/messages";
import type { RunRecord } from "../../panel/record";
import { h, section } from "./dom";

const NAMES = {
  step: "Step",
  epoch: "Epoch",
  loss: "Loss",
  evalLoss: "Eval loss",
  rate: "Learning rate",
  speed: "Tokens/s",
  memory: "Memory",
  elapsed: "Elapsed",
  left: "Time left",
} as const;

type Name = keyof typeof NAMES;

export class Figures {
  readonly element: HTMLElement;
  private readonly values = new Map<Name, HTMLElement>();
  private readonly notes = new Map<Name, HTMLElement>();
  private readonly bar = h("progress", { "aria-label": "Steps of the training", max: 1, value: 0 });
  private record: RunRecord | null = null;
  private situation: Situation | null = null;
  /** When the record's last event came, by the page's own clock: that of the machine that trains may be another. */
  private heard = 0;

  constructor() {
    const list = h("dl", { class: "figures" });
    for (const name of Object.keys(NAMES) as Name[]) {
      const value = h("span", { class: "value" }, NONE);
      const note = h("span", { class: "note" });
      this.values.set(name, value);
      this.notes.set(name, note);
      list.append(h("div", {}, h("dt", {}, NAMES[name]), h("dd", {}, value, " ", note)));
    }
    this.element = section("figures", "Key figures", [], this.bar, list);
    setInterval(() => {
      this.tick();
    }, 1_000);
  }

  show(record: RunRecord, situation: Situation, news: boolean): void {
    this.record = record;
    this.situation = situation;
    if (news) {
      this.heard = performance.now();
    }
    const { progress, steps } = record;
    const total = record.totalSteps;
    const step = steps.step.at(-1) ?? 0;
    this.bar.hidden = situation.state === "finished" || total === 0;
    this.bar.max = Math.max(total, 1);
    this.bar.value = step;
    this.set("step", total === 0 ? NONE : count(step), total === 0 ? "" : `of ${count(total)}`);
    const epoch = steps.epoch.at(-1);
    this.set("epoch", epoch === undefined ? NONE : epoch.toFixed(2));
    this.set("loss", decimal(steps.loss.at(-1)));
    const evaluated = record.tuned.at(-1) ?? record.baseline;
    const base = record.baseline;
    const before = base !== undefined && evaluated !== base ? `base ${decimal(base.eval_loss)}` : "";
    this.set("evalLoss", decimal(evaluated?.eval_loss), evaluated === base && base ? "base model" : before);
    this.set("rate", rate(steps.learningRate.at(-1)));
    this.set("speed", count(progress?.tokens_per_second ?? steps.tokensPerSecond.at(-1)));
    this.set("memory", bytes(record.memoryBytes));
    this.tick();
  }

  /** What goes on by itself while nothing is reported. */
  private tick(): void {
    const { record, situation } = this;
    if (record === null || situation === null) {
      return;
    }
    const since = situation.state === "running" ? (performance.now() - this.heard) / 1_000 : 0;
    this.set("elapsed", record.last === null ? NONE : duration(record.seconds + since));
    const trains = record.stages.get("train")?.seconds === null;
    const left = situation.state === "running" && trains ? record.progress?.eta_seconds : undefined;
    const cell = this.values.get("left")?.closest("div");
    if (cell) {
      cell.hidden = situation.state !== "running";
    }
    this.set("left", left === undefined ? NONE : duration(Math.max(left - since, 0)), left === undefined ? "" : "of fine-tuning");
  }

  private set(name: Name, text: string, note = ""): void {
    for (const [element, shown] of [
      [this.values.get(name), text],
      [this.notes.get(name), note],
    ] as const) {
      if (element && element.textContent !== shown) {
        element.textContent = shown;
      }
    }
  }
}
