import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { concernsLintune } from "../src/documents";

describe("concernsLintune", () => {
  const cases: [language: string, file: string, text: string, expected: boolean][] = [
    ["jsonl", "/data/train.ndjson", "", true],
    ["plaintext", "/data/train.jsonl", "", true],
    ["yaml", "/data/recipe.yaml", "", true],
    ["yaml", "/data/small.recipe.yml", "", true],
    ["yaml", "/data/qlora.yml", "# Axolotl's\nbase_model: a-model\n", true],
    ["yaml", "/data/compose.yaml", "services:\n  base_model: an-image\n", false],
    ["yaml", "/data/my-recipe.yaml", "soup: onions\n", false],
    ["json", "/data/recipe.json", "", false],
  ];
  for (const [language, file, text, expected] of cases) {
    it(`${expected ? "takes" : "leaves"} ${language} ${file}`, () => {
      assert.equal(
        concernsLintune(language, file, () => text),
        expected,
      );
    });
  }
});
