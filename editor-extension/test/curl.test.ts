import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

import { asCurl, shellQuote } from "../src/playground/curl";

const NASTY = "it's \"so\" $HOME `id` \\ !! \n # é 中 ; & | > *";

describe("a word of a shell", () => {
  it("is what it was, in a real shell", () => {
    for (const text of [NASTY, "", "'", "''", "\\'", "a\\\nb"]) {
      const said = execFileSync("sh", ["-c", `printf %s ${shellQuote(text)}`], { encoding: "utf8" });
      assert.equal(said, text);
    }
  });
});

describe("a request as curl", () => {
  it("is one command with the body as it is", () => {
    const body = { messages: [{ role: "user", content: NASTY }] };
    const command = asCurl("http://127.0.0.1:1/v1/chat/completions", "k'ey", body);
    const script = `curl() { for word in "$@"; do printf '%s\\0' "$word"; done; }\n${command}`;
    const words = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0");
    assert.deepEqual(words.slice(0, -1), [
      "http://127.0.0.1:1/v1/chat/completions",
      "--header",
      "Authorization: Bearer k'ey",
      "--header",
      "Content-Type: application/json",
      "--data",
      JSON.stringify(body),
    ]);
  });
});
