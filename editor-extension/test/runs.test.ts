import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { beganAt, marksOf, type Run, size } from "../src/runs/figures";

const RUN = { name: "20261125T094724Z-b29664ca" } as Run;
const NOW = new Date(2026, 10, 26, 8, 0);

function began(time: Date): string {
  return beganAt({ ...RUN, began: time.toISOString() }, NOW);
}

describe("a run in a row", () => {
  it("tells the day as people do", () => {
    assert.equal(began(new Date(2026, 10, 26, 0, 5)), "Today 00:05");
    assert.equal(began(new Date(2026, 10, 25, 23, 59)), "Yesterday 23:59");
    assert.equal(began(new Date(2026, 10, 24, 9, 47)), "24 Nov 09:47");
    assert.equal(began(new Date(2025, 10, 26, 9, 47)), "26 Nov 2025 09:47");
  });

  it("has its name where its time is not known", () => {
    assert.equal(beganAt({ ...RUN, began: null }, NOW), RUN.name);
    assert.equal(beganAt({ ...RUN, began: "some day" }, NOW), RUN.name);
  });
});

describe("a file in a row", () => {
  it("has a size of few digits", () => {
    assert.deepEqual([500, 12_288, 144_703_488, 1_181_116_006, 15_032_385_536].map(size), [
      "0 kB",
      "12 kB",
      "138 MB",
      "1.1 GB",
      "14 GB",
    ]);
  });

  it("tells first what training changed", () => {
    const marks = { "still right": 5, broken: 1, fixed: 2, "still wrong": 0 };
    assert.equal(marksOf({ page: null, samples: 8, marks }), "2 fixed, 1 broken, 5 still right");
  });
});
