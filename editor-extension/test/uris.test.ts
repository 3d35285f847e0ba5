import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { fileName, nameOf, NEW, pathOf } from "../src/sample/uris";

describe("the name of a sample's document", () => {
  it("counts lines as people do", () => {
    assert.equal(pathOf("data/train.jsonl", 41), "/data/train.jsonl:42.md");
    assert.equal(pathOf("/elsewhere/train.jsonl", NEW), "/elsewhere/train.jsonl:new.md");
  });

  it("is read back", () => {
    assert.deepEqual(nameOf("/data/train.jsonl:42.md"), { path: "data/train.jsonl", line: 41 });
    assert.deepEqual(nameOf("/data/odd:7.md:new.md"), { path: "data/odd:7.md", line: NEW });
  });

  it("is none for other paths", () => {
    assert.equal(nameOf("/data/train.jsonl"), null);
    assert.equal(nameOf("/data/notes.md"), null);
  });

  it("ends with the file's", () => {
    assert.equal(fileName("/data/train.jsonl"), "train.jsonl");
  });
});
