// The numbers of a run as curves: smoothed, and no more points than a screen shows.
import type { RunRecord, Steps } from "./record";

/** Of all steps, the share over which a smoothed loss remembers; as the pictures that a run leaves are drawn. */
const MEMORY = 0.03;

/** What charts draw: columns over the same steps; null where there is nothing. */
export interface Columns {
  readonly step: number[];
  readonly loss: (number | null)[];
  readonly smoothed: (number | null)[];
  readonly evalLoss: (number | null)[];
  readonly baseline: (number | null)[];
  readonly learningRate: (number | null)[];
  readonly tokensPerSecond: (number | null)[];
  readonly memory: (number | null)[];
}

/** A part of the steps, both ends in it. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Without the scatter of batches: an exponential mean, free of a bias to where it begins. */
export function smoothed(losses: readonly number[]): Float64Array {
  const decay = Math.exp(-1 / Math.max(MEMORY * losses.length, 1));
  const found = new Float64Array(losses.length);
  let mean = 0;
  let weight = 0;
  for (let at = 0; at < losses.length; at += 1) {
    const loss = losses[at] ?? Number.NaN;
    if (Number.isFinite(loss)) {
      mean = decay * mean + (1 - decay) * loss;
      weight = decay * weight + (1 - decay);
    }
    found[at] = weight > 0 ? mean / weight : Number.NaN;
  }
  return found;
}

/** Which of the values between two places are kept: at most so many, the lowest and the highest of each stretch. */
export function thinned(values: readonly number[], begin: number, end: number, most: number): number[] {
  const count = end - begin;
  if (count <= most) {
    return Array.from({ length: count }, (_, index) => begin + index);
  }
  const stretches = Math.max(Math.floor(most / 2), 1);
  const kept: number[] = [];
  for (let number = 0; number < stretches; number += 1) {
    const from = begin + Math.floor((count * number) / stretches);
    const to = begin + Math.floor((count * (number + 1)) / stretches);
    let low = from;
    let high = from;
    for (let at = from + 1; at < to; at += 1) {
      const value = values[at] ?? Number.NaN;
      // A value that is no number loses every comparison; one that is takes its place.
      if (value < (values[low] ?? Number.NaN) || Number.isNaN(values[low])) {
        low = at;
      }
      if (value > (values[high] ?? Number.NaN) || Number.isNaN(values[high])) {
        high = at;
      }
    }
    kept.push(Math.min(low, high));
    if (low !== high) {
      kept.push(Math.max(low, high));
    }
  }
  // The end of the curve is what a person looks at.
  if (kept.at(-1) !== end - 1) {
    kept.push(end - 1);
  }
  return kept;
}

/** The columns to draw of a range of steps, or of all; most: points, but for those of evaluations. */
export function columns(record: RunRecord, range: Range | null, most: number): Columns {
  const { steps } = record;
  const [begin, end] = range === null ? [0, steps.step.length] : inside(steps, range);
  const kept = thinned(steps.loss, begin, end, most);
  const mean = smoothed(steps.loss);
  const evaluated = new Map(
    record.tuned
      .filter(({ step }) => range === null || (step >= range.from && step <= range.to))
      .map(({ step, eval_loss }) => [step, eval_loss]),
  );
  const base = record.baseline?.eval_loss;
  const baseline = base !== undefined && Number.isFinite(base) ? base : null;
  const places = new Map(kept.map((at) => [steps.step[at] ?? 0, at]));
  for (const step of evaluated.keys()) {
    if (!places.has(step)) {
      places.set(step, placeOf(steps.step, step));
    }
  }
  const found = [...places].sort(([one], [other]) => one - other);
  const column = (values: ArrayLike<number>) =>
    found.map(([step, at]) => (steps.step[at] === step ? finite(values[at]) : null));
  return {
    step: found.map(([step]) => step),
    loss: column(steps.loss),
    smoothed: column(mean),
    evalLoss: found.map(([step]) => evaluated.get(step) ?? null),
    baseline: found.map(() => baseline),
    learningRate: column(steps.learningRate),
    tokensPerSecond: column(steps.tokensPerSecond),
    memory: column(steps.memory),
  };
}

/** The steps of a range as a half-open interval of places. */
function inside({ step }: Steps, { from, to }: Range): [number, number] {
  return [placeOf(step, from), placeOf(step, to + 1)];
}

/** The place of the first step that is not before one. */
function placeOf(steps: readonly number[], step: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] ?? 0) < step) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
