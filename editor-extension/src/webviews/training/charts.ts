// The charts of a run: one cursor and one range for all of them.
import type uPlot from "uplot";

import { type Columns, columns, type Range } from "../../panel/curve";
import { bytes, count, decimal, rate } from "../../panel/format";
import type { RunRecord } from "../../panel/record";
import { Chart, type Shared } from "./chart";
import { button, h, section, table } from "./dom";
import { colour, onTheme } from "./palette";

/** Points a chart has at the least; of wider ones, as many as it has pixels. */
const FEWEST = 200;
/** Rows of the table, which is read one by one. */
const ROWS = 50;

export interface ChartsState {
  readonly logarithmic: boolean;
  readonly range: Range | null;
}

/** Of the axis: 0.5, 2, 0.001. */
function plain(value: number): string {
  return String(Number(value.toPrecision(4)));
}

export class Charts implements Shared {
  readonly element: HTMLElement;
  private readonly loss: Chart;
  private readonly all: readonly Chart[];
  private readonly toggle = h("input", { type: "checkbox", id: "logarithmic" });
  private readonly reset: HTMLButtonElement;
  private readonly details: HTMLDetailsElement;
  private readonly values = h("div");
  private readonly empty = h("p", { class: "empty" }, "The curve begins with the first step.");
  private readonly grid: HTMLElement;
  private record: RunRecord | null = null;
  private data: Columns | null = null;
  private at: number | null = null;
  private range: Range | null;

  constructor(
    before: ChartsState | undefined,
    private readonly changed: (state: ChartsState) => void,
  ) {
    this.range = before?.range ?? null;
    this.toggle.checked = before?.logarithmic ?? false;
    this.loss = new Chart(
      {
        title: "Loss",
        height: 280,
        format: decimal,
        tick: plain,
        lines: [
          { column: "loss", label: "Batch", colour: "train", look: "faint" },
          { column: "smoothed", label: "Smoothed", colour: "train", look: "line" },
          { column: "evalLoss", label: "Evaluation", colour: "evaluation", look: "points" },
          { column: "baseline", label: "Base model", colour: "baseline", look: "dashed" },
        ],
        mark: (plot) => {
          this.markBest(plot);
        },
      },
      this,
    );
    const small = (title: string, column: "learningRate" | "tokensPerSecond" | "memory", format: typeof decimal) =>
      new Chart(
        { title, height: 130, format, tick: (value) => (value === 0 ? "0" : format(value)), lines: [{ column, label: title, colour: "other", look: "line" }] },
        this,
      );
    this.all = [
      this.loss,
      small("Learning rate", "learningRate", rate),
      small("Tokens per second", "tokensPerSecond", count),
      small("Memory", "memory", bytes),
    ];
    this.reset = button("Reset zoom", () => {
      this.zoom(null);
    });
    this.reset.hidden = this.range === null;
    this.toggle.addEventListener("change", () => {
      this.loss.logarithmic(this.toggle.checked);
      this.keep();
    });
    if (this.toggle.checked) {
      this.loss.logarithmic(true);
    }
    this.details = h("details", {}, h("summary", {}, "Values as a table"), this.values);
    this.details.addEventListener("toggle", () => {
      this.list();
    });
    this.grid = h("div", { class: "charts" }, ...this.all.map(({ element }) => element));
    const tools = [
      h("span", { class: "hint" }, "Drag to zoom. Keys: arrows move, + and − zoom, 0 resets."),
      this.reset,
      h("label", { for: "logarithmic" }, this.toggle, "Logarithmic loss"),
    ];
    this.element = section("curves", "Curves", tools, this.empty, this.grid, this.details);
    onTheme(() => {
      for (const chart of this.all) {
        chart.draw();
      }
    });
    let width = 0;
    new ResizeObserver(() => {
      if (this.grid.clientWidth !== width) {
        width = this.grid.clientWidth;
        for (const chart of this.all) {
          chart.resize();
        }
        this.update();
      }
    }).observe(this.grid);
  }

  show(record: RunRecord): void {
    if (record !== this.record) {
      if (this.record !== null) {
        this.range = null;
      }
      this.record = record;
    }
    this.update();
  }

  cursor(at: number | null): void {
    if (at !== this.at) {
      this.at = at;
      for (const chart of this.all) {
        chart.point(at);
      }
    }
  }

  zoom(range: Range | null): void {
    this.range = range;
    this.reset.hidden = range === null;
    this.update();
    this.keep();
  }

  scale(factor: number): void {
    const { data, record } = this;
    const first = data?.step[0];
    const last = data?.step.at(-1);
    const end = record?.steps.step.at(-1) ?? 0;
    if (data === null || first === undefined || last === undefined) {
      return;
    }
    const middle = this.at === null ? (first + last) / 2 : (data.step[this.at] ?? last);
    const half = Math.max(((last - first) / 2) * factor, 1);
    const from = Math.max(Math.floor(middle - half), record?.steps.step[0] ?? 0);
    const to = Math.min(Math.ceil(middle + half), end);
    this.zoom(to - from >= end - 1 ? null : { from, to });
  }

  private keep(): void {
    this.changed({ logarithmic: this.toggle.checked, range: this.range });
  }

  private update(): void {
    const { record } = this;
    const some = record !== null && (record.steps.step.length > 0 || record.tuned.length > 0);
    this.empty.hidden = some;
    this.element.classList.toggle("without", !some);
    if (record === null || !some) {
      return;
    }
    // Whoever moves by keyboard stays on a step; a pointer stays where it is.
    const focused = this.element.querySelector(".slider:focus") !== null;
    const step = focused && this.at !== null ? this.data?.step[this.at] : undefined;
    this.data = columns(record, this.range, Math.max(FEWEST, Math.floor(this.loss.width)));
    for (const chart of this.all) {
      chart.show(this.data);
    }
    if (step !== undefined) {
      const at = this.data.step.findIndex((one) => one >= step);
      // uPlot takes data over in a microtask, and puts the cursor where it was on the screen.
      queueMicrotask(() => {
        this.cursor(at === -1 ? null : at);
      });
    }
    this.list();
  }

  /** The same for who cannot see the curves. */
  private list(): void {
    if (!this.details.open || this.record === null) {
      return;
    }
    const data = columns(this.record, this.range, ROWS);
    const rows = data.step.map((step, at) => [
      count(step),
      decimal(data.loss[at]),
      decimal(data.smoothed[at]),
      decimal(data.evalLoss[at]),
      rate(data.learningRate[at]),
      count(data.tokensPerSecond[at]),
      bytes(data.memory[at]),
    ]);
    const titles = ["Step", "Loss", "Smoothed", "Evaluation", "Learning rate", "Tokens/s", "Memory"];
    const heads = titles.map((title) => ({ title, number: true }));
    this.values.replaceChildren(table("Values of the curves by step", heads, rows));
  }

  /** A ring around the evaluation with the lowest loss. */
  private markBest(plot: uPlot): void {
    const best = this.record?.best;
    if (best === undefined || !(this.data?.step.includes(best.step) ?? false)) {
      return;
    }
    const x = plot.valToPos(best.step, "x", true);
    const y = plot.valToPos(best.eval_loss, "y", true);
    const { ctx } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.setLineDash([]);
    ctx.strokeStyle = colour("evaluation");
    ctx.lineWidth = 1.5 * ratio;
    ctx.beginPath();
    ctx.arc(x, y, 7 * ratio, 0, 2 * Math.PI);
    ctx.stroke();
    const left = x < plot.bbox.left + plot.bbox.width / 2;
    ctx.fillStyle = colour("text");
    ctx.textAlign = left ? "left" : "right";
    ctx.textBaseline = "bottom";
    ctx.fillText("★ best", x + (left ? 9 : -9) * ratio, y - 5 * ratio);
    ctx.restore();
  }
}
