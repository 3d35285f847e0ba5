import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { EventStream } from "../src/playground/sse";

const STREAM = ': a comment\r\n\r\ndata: {"a": 1}\n\ndata:two\ndata: lines\n\nevent: x\nid: 3\ndata\n\r\ndata: [DONE]\r\n\r\n';
const DATA = ['{"a": 1}', "two\nlines", "", "[DONE]"];

describe("server-sent events", () => {
  it("are the same in whatever pieces they come", () => {
    for (let size = 1; size <= STREAM.length; size++) {
      const events = new EventStream();
      const found: string[] = [];
      for (let at = 0; at < STREAM.length; at += size) {
        found.push(...events.take(STREAM.slice(at, at + size)));
      }
      assert.deepEqual(found, DATA, `pieces of ${size}`);
    }
  });

  it("come when they are whole, and not before", () => {
    const events = new EventStream();
    assert.deepEqual(events.take("data: half"), []);
    assert.deepEqual(events.take(" of it\n"), []);
    assert.deepEqual(events.take("\n"), ["half of it"]);
  });
});
