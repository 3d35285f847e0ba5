import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type Part, wordDiff } from "../src/playground/wordDiff";

const shown = (parts: Part[]) =>
  parts.map(({ text, where }) => ({ both: text, left: `[-${text}-]`, right: `{+${text}+}` })[where]).join("");

describe("words of two texts", () => {
  it("are marked where they differ", () => {
    assert.equal(shown(wordDiff("the lamp is on", "the lamp is off")), "the lamp is [-on-]{+off+}");
    assert.equal(shown(wordDiff('{"room":"attic"}', '{"room":"kitchen"}')), '{"room":"[-attic-]{+kitchen+}"}');
    assert.equal(shown(wordDiff("set a, b on now", "set c, d on now")), "set [-a, b-]{+c, d+} on now");
    assert.equal(shown(wordDiff("one of them is a cat", "no dog is here at all")).match(/[[{]/g)?.length, 2);
    assert.equal(shown(wordDiff("", "new")), "{+new+}");
    assert.equal(shown(wordDiff("same é", "same é")), "same é");
    assert.deepEqual(wordDiff("", ""), []);
  });

  it("give both texts back, whatever they are", () => {
    const letters = ["a", "b", " ", ",", "ü", "😀", "\n"];
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const text = () => Array.from({ length: random(30) }, () => letters[random(letters.length)]).join("");
    for (let round = 0; round < 500; round++) {
      const [left, right] = [text(), text()];
      const parts = wordDiff(left, right);
      const side = (other: Part["where"]) =>
        parts.filter(({ where }) => where !== other).map((part) => part.text).join("");
      assert.equal(side("right"), left);
      assert.equal(side("left"), right);
    }
  });

  it("are not compared when there are very many", () => {
    const many = (word: string) => `${word} `.repeat(5_000);
    assert.equal(wordDiff(many("a"), many("b")).length, 2);
  });
});
