import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { barText, isRunning, type Status, tooltipLines } from "../src/status";

const READY: Status = {
  state: "ready",
  text: "tuned model ready",
  detail: "Trained in 1:04: evaluation loss 1.207 → 0.031.",
  recipe: "file:///home/me/smart%20home/recipe.yaml",
  run: "/home/me/smart home/.lintune/runs/20260102T030405-abc123",
  step: null,
  total: null,
  loss: null,
  resumable: false,
};

describe("the status bar", () => {
  it("says what is ready", () => {
    assert.equal(barText(READY), "$(pass-filled) Lintune: tuned model ready");
    assert.equal(isRunning(READY), false);
    assert.deepEqual(tooltipLines(READY), [
      "tuned model ready",
      "Trained in 1:04: evaluation loss 1.207 → 0.031.",
      "Recipe: smart home/recipe.yaml",
      "Run: 20260102T030405-abc123",
    ]);
  });

  it("counts the steps of a training", () => {
    const text = "step 12/58 · loss 0.83 · 0:41 left";
    const training: Status = { ...READY, state: "training", text, detail: "", step: 12, total: 58, loss: 0.83 };
    assert.equal(barText(training), "$(beaker) Lintune: step 12/58");
    assert.equal(isRunning(training), true);
    assert.equal(tooltipLines(training)[0], text);
  });

  it("says that a training rests", () => {
    const paused: Status = { ...READY, state: "paused", text: "training paused", resumable: true };
    assert.equal(barText(paused), "$(debug-pause) Lintune: training paused");
    assert.equal(isRunning(paused), false);
  });

  it("is short where nothing is to be trained", () => {
    const idle: Status = { ...READY, state: "idle", text: "no recipe", recipe: null, run: null };
    assert.equal(barText(idle), "$(circle-outline) Lintune");
  });
});
