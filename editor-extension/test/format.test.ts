import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { bytes, count, decimal, duration, percent, rate, runTime } from "../src/panel/format";

describe("numbers for people", () => {
  it("have as many digits as say something", () => {
    const losses = [3.7706660, 0.0263, 0.003597, 0.00012345, 0, 12.3456, 123.456, 4321, 12_345_678, null, Number.NaN];
    assert.deepEqual(losses.map((loss) => decimal(loss)), [
      "3.771",
      "0.0263",
      "0.0036",
      "1.23e-4",
      "0",
      "12.35",
      "123.5",
      "4,321",
      "1.23e7",
      "–",
      "–",
    ]);
  });

  it("are written as they are in recipes, or in units", () => {
    assert.deepEqual([2e-4, 1.25e-5, 0, 1e-3, null].map(rate), ["2e-4", "1.25e-5", "0", "1e-3", "–"]);
    assert.deepEqual([0, 999, 1_467_351_040, 78_208_375, 105_453_984].map(bytes), [
      "–",
      "999 B",
      "1.47 GB",
      "78.2 MB",
      "105 MB",
    ]);
    assert.deepEqual([7, 59.6, 750, 3_723, -1, null].map(duration), ["0:07", "1:00", "12:30", "1:02:03", "–", "–"]);
    assert.deepEqual([1, 0, 0.4333, null].map(percent), ["100%", "0%", "43.3%", "–"]);
    assert.deepEqual([12_345, 1.6, undefined].map(count), ["12,345", "2", "–"]);
  });

  it("tell when a run began", () => {
    const local = new Date(Date.UTC(2026, 10, 25, 19, 6, 52));
    const expected = `${local.getDate()} Nov, ${String(local.getHours()).padStart(2, "0")}:06`;
    assert.equal(runTime("/w/.lintune/runs/20261125T190652Z-39e4f3dd"), expected);
    assert.equal(runTime("/w/.lintune/runs/mine"), "mine");
  });
});
