// One chart: uPlot, in the theme's colours, with a cursor that a keyboard moves and a screen reader tells of.
import uPlot from "uplot";

import type { Columns, Range } from "../../panel/curve";
import { h } from "./dom";
import { colour, type Colour, font } from "./palette";

type Column = Exclude<keyof Columns, "step">;

export interface Line {
  readonly column: Column;
  readonly label: string;
  readonly colour: Colour;
  readonly look: "line" | "faint" | "dashed" | "points";
}

export interface ChartOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly height: number;
  readonly format: (value: number | null | undefined) => string;
  /** On the axis; null for a place that has only a line. */
  readonly tick: (value: number) => string;
  /** Draws on top of the lines. */
  readonly mark?: (plot: uPlot) => void;
}

/** What the charts of a page have in common. */
export interface Shared {
  /** The place of the cursor in the columns; null for none. */
  cursor(at: number | null): void;
  zoom(range: Range | null): void;
  /** Half the range, or twice, around the cursor. */
  scale(factor: number): void;
}

/** Where uPlot's cursor is when there is none. */
const OUTSIDE = -10;
// A const enum that only declarations have: its value must be known here.
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
const LOGARITHMIC = 3 as uPlot.Scale.Distr;

export class Chart {
  readonly element: HTMLElement;
  private readonly host = h("div", { class: "plot" });
  private readonly slider: HTMLElement;
  private readonly values: HTMLElement[];
  private plot: uPlot | null = null;
  private data: Columns | null = null;
  private at: number | null = null;
  private log = false;

  constructor(
    private readonly options: ChartOptions,
    private readonly shared: Shared,
  ) {
    this.values = options.lines.map(() => h("span", { class: "value" }));
    // A single line needs no name but the chart's.
    const named = options.lines.length > 1;
    const legend = options.lines.map(({ colour: name, label, look }, index) =>
      h("li", {}, named && h("span", { class: `swatch ${look} ${name}` }), named && `${label} `, this.values[index]),
    );
    this.slider = h(
      "div",
      { class: "slider", tabindex: 0, role: "slider", "aria-label": `${options.title}, by step`, "aria-valuenow": 0 },
      this.host,
    );
    this.slider.addEventListener("keydown", (event) => {
      this.key(event);
    });
    this.element = h(
      "figure",
      { class: "chart" },
      h("figcaption", {}, h("h3", {}, options.title), h("ul", { class: "legend" }, ...legend)),
      this.slider,
    );
  }

  /** The width that is there for the plot, in pixels. */
  get width(): number {
    return this.slider.clientWidth;
  }

  show(data: Columns): void {
    this.data = data;
    this.at = this.at === null ? null : Math.min(this.at, data.step.length - 1);
    if (this.plot === null) {
      this.draw();
    } else {
      this.plot.setData(this.aligned(data));
    }
    this.tell();
  }

  /** Draw anew: the theme is another, or the kind of scale. */
  draw(): void {
    this.plot?.destroy();
    this.plot = null;
    if (this.data !== null && this.width > 0) {
      this.plot = new uPlot(this.settings(), this.aligned(this.data), this.host);
    }
  }

  resize(): void {
    if (this.plot === null) {
      this.draw();
    } else if (this.plot.width !== this.width && this.width > 0) {
      this.plot.setSize({ width: this.width, height: this.options.height });
    }
  }

  logarithmic(on: boolean): void {
    this.log = on;
    this.draw();
  }

  /** Put the cursor on a place of the columns; null takes it away. */
  point(at: number | null): void {
    this.at = at;
    const { plot } = this;
    const step = at === null ? undefined : this.data?.step[at];
    if (plot !== null && (plot.cursor.idx ?? null) !== at) {
      const left = step === undefined ? OUTSIDE : plot.valToPos(step, "x");
      plot.setCursor({ left, top: step === undefined ? OUTSIDE : plot.over.clientHeight / 2 });
    }
    this.tell();
  }

  private tell(): void {
    const { data } = this;
    if (data === null) {
      return;
    }
    const at = this.at ?? data.step.length - 1;
    const step = data.step[at];
    const told = this.options.lines.map((line, index) => {
      // Without a cursor, the newest of each: evaluations are seldom.
      const value = this.at === null ? data[line.column].findLast((one) => one !== null) : data[line.column][at];
      const text = this.options.format(value);
      const shown = this.values[index];
      if (shown && shown.textContent !== text) {
        shown.textContent = text;
      }
      return value === null || value === undefined ? "" : `${line.label} ${text}`;
    });
    this.slider.setAttribute("aria-valuemin", String(data.step[0] ?? 0));
    this.slider.setAttribute("aria-valuemax", String(data.step.at(-1) ?? 0));
    this.slider.setAttribute("aria-valuenow", String(step ?? 0));
    this.slider.setAttribute("aria-valuetext", [`Step ${step ?? 0}`, ...told.filter((part) => part !== "")].join(", "));
  }

  private key(event: KeyboardEvent): void {
    const last = (this.data?.step.length ?? 0) - 1;
    if (last < 0 || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const at = this.at ?? last;
    const stride = event.shiftKey ? 10 : 1;
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: at - stride,
      ArrowDown: at - stride,
      ArrowRight: at + stride,
      ArrowUp: at + stride,
      PageDown: at - 10,
      PageUp: at + 10,
      Home: 0,
      End: last,
    };
    const move = moves[event.key];
    if (move !== undefined) {
      this.shared.cursor(Math.max(0, Math.min(last, move)));
    } else if (event.key === "+" || event.key === "=") {
      this.shared.scale(0.5);
    } else if (event.key === "-") {
      this.shared.scale(2);
    } else if (event.key === "0" || event.key === "Escape") {
      this.shared.zoom(null);
    } else {
      return;
    }
    event.preventDefault();
  }

  private aligned(data: Columns): uPlot.AlignedData {
    const columns = this.options.lines.map(({ column }) =>
      // There is no logarithm of 0.
      this.log ? data[column].map((value) => (value !== null && value > 0 ? value : null)) : data[column],
    );
    return [data.step, ...columns];
  }

  private settings(): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: () => colour("text"),
      font: font(),
      grid: { stroke: () => colour("grid"), width: 1 },
      border: { show: false },
      ticks: { show: false },
      gap: 4,
    };
    return {
      width: this.width,
      height: this.options.height,
      padding: [8, 14, 0, 0],
      legend: { show: false },
      cursor: {
        drag: { x: true, y: false, setScale: false },
        y: false,
        points: { size: 7, width: 2, fill: () => colour("background") },
      },
      scales: {
        x: { time: false },
        y: this.log ? { distr: LOGARITHMIC } : { range: { min: { pad: 0.08, soft: 0, mode: 2 }, max: { pad: 0.08 } } },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 24, space: 60, incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1e3, 2e3, 2500, 5e3, 1e4, 2e4, 5e4, 1e5] },
        { ...axis, size: 58, space: 30, values: (_, ticks) => ticks.map((tick: number | null) => (tick === null ? "" : this.options.tick(tick))) },
      ],
      series: [{}, ...this.options.lines.map(seriesOf)],
      hooks: {
        setCursor: [
          (plot) => {
            this.shared.cursor(plot.cursor.idx ?? null);
          },
        ],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select;
            if (width > 4) {
              this.shared.zoom({
                from: Math.max(0, Math.floor(plot.posToVal(left, "x"))),
                to: Math.ceil(plot.posToVal(left + width, "x")),
              });
              plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            }
          },
        ],
        draw: this.options.mark ? [this.options.mark] : [],
        ready: [
          (plot) => {
            plot.over.addEventListener("dblclick", () => {
              this.shared.zoom(null);
            });
          },
        ],
      },
    };
  }
}

function seriesOf({ colour: name, look }: Line): uPlot.Series {
  const stroke = () => colour(name);
  // The first step alone is no line.
  const points: uPlot.Series.Points = { show: (plot) => plot.data[0].length === 1, size: 5, fill: stroke, stroke };
  const plain: uPlot.Series = { stroke, width: 2, points, spanGaps: true };
  switch (look) {
    case "faint":
      return { ...plain, width: 1, alpha: 0.45, spanGaps: false };
    case "dashed":
      return { ...plain, width: 1.5, dash: [4, 4] };
    case "points":
      return { ...plain, points: { show: true, size: 7, fill: () => colour("background"), stroke, width: 2 } };
    default:
      return plain;
  }
}
