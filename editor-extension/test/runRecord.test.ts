import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Evaluation, Progress, RunEvent } from "../src/panel/events";
import { columns, smoothed, thinned } from "../src/panel/curve";
import { RunRecord } from "../src/panel/record";

const RUN = "20260102T030405Z-0badcafe";

function at(second: number): { run: string; time: string } {
  return { run: RUN, time: new Date(Date.UTC(2026, 0, 2, 3, 4, second)).toISOString() };
}

function step(number: number, loss = 1 / number): Progress {
  return {
    ...at(number),
    event: "progress",
    step: number,
    total_steps: 10,
    epoch: number / 10,
    loss,
    learning_rate: 1e-4,
    tokens_per_second: 100,
    eta_seconds: 10 - number,
    memory_bytes: 1_000 * number,
  };
}

function evaluation(kind: Evaluation["kind"], number: number, loss: number): Evaluation {
  return { ...at(number), event: "evaluation", kind, step: number, eval_loss: loss, perplexity: Math.exp(loss) };
}

function recordOf(...events: RunEvent[]): RunRecord {
  const record = new RunRecord();
  record.read(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  return record;
}

describe("the record of a run", () => {
  it("takes lines, and leaves out what is none", () => {
    const record = new RunRecord();
    const read = record.read(`${JSON.stringify(step(1))}\n\n{"half\n"text"\n${JSON.stringify(step(2))}\n`);
    assert.deepEqual(read.length, 2);
    assert.deepEqual(record.steps.step, [1, 2]);
    assert.equal(record.memoryBytes, 2_000);
  });

  it("forgets the steps that a resumed run reports again, and its pause", () => {
    const record = recordOf(
      step(1),
      step(2),
      evaluation("checkpoint", 2, 0.5),
      step(3),
      evaluation("checkpoint", 3, 0.4),
      { ...at(40), event: "run_resumed", pid: 1, step: 2 },
      { ...step(3, 9), ...at(45) },
    );
    assert.deepEqual(record.steps.step, [1, 2, 3]);
    assert.deepEqual(record.steps.loss, [1, 0.5, 9]);
    assert.deepEqual(
      record.evaluations.map(({ step }) => step),
      [2],
    );
    assert.equal(record.seconds, 7); // two before, five after
  });

  it("knows the best of the tuned weights", () => {
    const record = recordOf(
      evaluation("baseline", 0, 0.01),
      evaluation("checkpoint", 4, 0.3),
      evaluation("checkpoint", 8, 0.5),
      evaluation("final", 8, 0.3), // of the best weights, which are those of step 4
    );
    assert.equal(record.best?.step, 4);
    assert.equal(record.baseline?.eval_loss, 0.01);
    assert.deepEqual(
      record.tuned.map(({ kind, step }) => [kind, step]),
      [
        ["checkpoint", 4],
        ["checkpoint", 8],
      ],
    );
  });
});

describe("curves", () => {
  it("are smoothed from their first value on, past what is no number", () => {
    assert.deepEqual([...smoothed([2, 2, Number.NaN, 2])].map((value) => value.toFixed(6)), Array(4).fill("2.000000"));
    const mean = smoothed(Array.from({ length: 1_000 }, (_, index) => (index % 2 === 0 ? 1 : 3)));
    assert.ok(Math.abs((mean.at(-1) ?? 0) - 2) < 0.1);
    assert.ok(Number.isNaN(smoothed([Number.NaN])[0]));
  });

  it("keep their spikes and their ends when they are thinned", () => {
    const values = Array.from({ length: 50_000 }, (_, index) => Math.sin(index / 1_000));
    values[31_234] = 99;
    values[40_001] = Number.NaN;
    const kept = thinned(values, 0, values.length, 400);
    assert.ok(kept.length <= 401);
    assert.ok(kept.includes(31_234));
    assert.equal(kept.at(-1), 49_999);
    assert.deepEqual(kept, [...new Set(kept)].sort((one, other) => one - other));
    assert.deepEqual(thinned(values, 10, 13, 400), [10, 11, 12]);
  });

  it("have the evaluations in them, whatever is thinned", () => {
    const record = recordOf(
      evaluation("baseline", 0, 4),
      ...Array.from({ length: 500 }, (_, index) => step(index + 1)),
      evaluation("checkpoint", 333, 0.5),
      evaluation("final", 501, 0.25),
    );
    const all = columns(record, null, 20);
    assert.equal(all.evalLoss[all.step.indexOf(333)], 0.5);
    assert.equal(all.loss[all.step.indexOf(333)], 1 / 333);
    assert.equal(all.evalLoss[all.step.indexOf(501)], 0.25);
    assert.equal(all.loss[all.step.indexOf(501)], null);
    assert.equal(all.baseline[0], 4);
    const part = columns(record, { from: 100, to: 110 }, 20);
    assert.deepEqual(part.step, [100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110]);
  });

  it("have a gap where the loss was no number", () => {
    const record = recordOf(step(1), { ...step(2), loss: null as unknown as number }, step(3));
    assert.deepEqual(columns(record, null, 20).loss, [1, null, 1 / 3]);
  });
});
