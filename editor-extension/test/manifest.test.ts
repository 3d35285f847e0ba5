import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string }[] };
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;

/** An extension that registers a command twice does not start. */
test("no command is there twice", () => {
  const names = manifest.contributes.commands.map(({ command }) => command);
  assert.deepEqual(names, [...new Set(names)]);
});
