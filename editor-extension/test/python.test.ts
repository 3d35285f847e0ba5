import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

import { expand, installCommand, search } from "../src/python";

const HAS_LINTUNE = "echo lintune";
const HAS_NOT = "echo no lintune";
const TOO_OLD = "echo 'Unknown option: -P' >&2; exit 2";

describe("search", { skip: process.platform === "win32" }, () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "lintune-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** A program of ours in the folder. */
  function program(name: string, script: string): string {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  /** The folder is the workspace, and its `bin` the whole PATH. */
  function look(setting = "", folders = [folder]) {
    return search({ setting, folders, environment: { PATH: path.join(folder, "bin") } });
  }

  it("takes the setting's Python before the workspace's", async () => {
    program(".venv/bin/python", HAS_LINTUNE);
    const mine = program("my python", HAS_LINTUNE);
    const args = ["-P", "-m", "lintune_server", "server"];
    assert.deepEqual(await look(mine), { found: { command: mine, args }, origin: "setting" });
  });

  it("takes the workspace's .venv before the PATH", async () => {
    const mine = program(".venv/bin/python", HAS_LINTUNE);
    program("bin/python3", HAS_LINTUNE);
    assert.equal((await look()).found?.command, mine);
  });

  it("leaves the .venv of a folder alone that is not trusted", async () => {
    program(".venv/bin/python", `touch ${folder}/was-run; ${HAS_LINTUNE}`);
    const mine = program("bin/python3", HAS_LINTUNE);
    assert.equal((await look("", [])).found?.command, mine);
    assert.throws(() => {
      rmSync(path.join(folder, "was-run"));
    });
  });

  it("goes on when a Python lacks Lintune, and takes a lintune on the PATH", async () => {
    program(".venv/bin/python", HAS_NOT);
    program("bin/python3", TOO_OLD);
    const mine = program("bin/lintune", "exit 0");
    assert.deepEqual(await look(), { found: { command: mine, args: ["server"] }, origin: "PATH" });
  });

  it("offers to install into the first Python that could take it", async () => {
    program("bin/python3", TOO_OLD);
    const mine = program("bin/python", HAS_NOT);
    assert.deepEqual(await look(), {
      found: null,
      problem: `The Python package lintune is not installed in ${mine}.`,
      installInto: { python: mine, managed: false },
    });
  });

  it("looks nowhere else when the setting is wrong, and says so", async () => {
    program("bin/python3", HAS_LINTUNE);
    assert.deepEqual(await look("/nowhere/python"), {
      found: null,
      problem: "lintune.pythonPath is /nowhere/python, and that is no Python that can be run.",
      installInto: null,
    });
  });

  it("asks a real Python", async () => {
    // An empty virtual environment: Lintune is surely not there.
    execFileSync("python3", ["-m", "venv", "--without-pip", path.join(folder, ".venv")]);
    const result = await look();
    assert.equal(result.found, null);
    assert.deepEqual(result.installInto, { python: path.join(folder, ".venv/bin/python"), managed: false });
  });

  it("says that a Python is too old", async () => {
    const old = program("bin/python3", TOO_OLD);
    assert.deepEqual(await look(), {
      found: null,
      problem: `${old} is too old. Lintune needs Python 3.11 or later.`,
      installInto: null,
    });
  });

  it("says that there is no Python", async () => {
    assert.deepEqual(await look(), {
      found: null,
      problem: "No Python was found. Lintune needs Python 3.11 or later.",
      installInto: null,
    });
  });
});

describe("expand", () => {
  it("fills in the home and the workspace folder", () => {
    assert.equal(expand(" ~/env/bin/python ", undefined), path.join(homedir(), "env/bin/python"));
    assert.equal(expand("${workspaceFolder}/env/bin/python", "/data"), "/data/env/bin/python");
    assert.equal(expand("/opt/~python", "/data"), "/opt/~python");
  });
});

describe("installCommand", { skip: process.platform === "win32" }, () => {
  it("quotes what a shell would take apart", () => {
    assert.equal(installCommand(null, "/data"), 'python3 -m pip install "lintune[train,serve]"');
    assert.equal(
      installCommand({ python: "/my data/.venv/bin/python", managed: false }, "/data"),
      '"/my data/.venv/bin/python" -m pip install "lintune[train,serve]"',
    );
  });

  it("makes a .venv where the operating system's Python takes no packages", () => {
    assert.equal(
      installCommand({ python: "/usr/bin/python3", managed: true }, "/my data"),
      '/usr/bin/python3 -m venv "/my data/.venv"' +
        ' && "/my data/.venv/bin/python" -m pip install "lintune[train,serve]"',
    );
  });
});
