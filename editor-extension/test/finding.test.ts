import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

import { search } from "../src/engine/finding";
import { expand, type Places } from "../src/engine/places";

const FACTS = { train: false, serve: false, demoModel: false, pip: true, environment: true, managed: false };
const says = (facts: object) => `echo '${JSON.stringify({ ...FACTS, ...facts })}'`;
const HAS_LINTUNE = says({ lintune: true });
const HAS_NOT = says({ lintune: false });
const SYSTEM = says({ lintune: false, environment: false, managed: true });
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

  /** The workspace is `work`, and `bin` the whole PATH. */
  function look(places: Partial<Places> = {}) {
    return search({
      setting: "",
      folders: [path.join(folder, "work")],
      trusted: true,
      own: path.join(folder, "own"),
      interpreter: () => Promise.resolve(null),
      ...places,
      environment: {
        PATH: path.join(folder, "bin"),
        UV_TOOL_DIR: path.join(folder, "tools"),
        PIPX_HOME: path.join(folder, "pipx"),
        XDG_DATA_HOME: folder,
        ...places.environment,
      },
    });
  }

  it("takes the setting's Python before the workspace's", async () => {
    program("work/.venv/bin/python", HAS_LINTUNE);
    const mine = program("my python", HAS_LINTUNE);
    const found = (await look({ setting: mine })).engine;
    assert.equal(found?.command, mine);
    assert.deepEqual(found.args, ["-P", "-m", "lintune_server"]);
    assert.equal(found.origin, "setting lintune.pythonPath");
  });

  it("goes from the nearest place to the farthest", async () => {
    const places = [
      "work/.venv/bin/python",
      "work/venv/bin/python",
      "chosen/python",
      "active/bin/python",
      "conda/bin/python",
      "bin/python3",
      "bin/python3.12",
      "tools/lintune/bin/python",
      "own/bin/python",
    ];
    for (const place of places) {
      program(place, HAS_LINTUNE);
    }
    for (const place of places) {
      const found = await look({
        interpreter: () => Promise.resolve(path.join(folder, "chosen/python")),
        environment: { VIRTUAL_ENV: path.join(folder, "active"), CONDA_PREFIX: path.join(folder, "conda") },
      });
      assert.equal(found.engine?.command, path.join(folder, place));
      rmSync(path.join(folder, place));
    }
  });

  it("asks the Python extension only when the workspace has no engine", async () => {
    program("work/.venv/bin/python", HAS_LINTUNE);
    const found = await look({ interpreter: () => Promise.reject(new Error("asked")) });
    assert.equal(found.engine?.origin, "workspace");
  });

  it("runs nothing that lies in a folder that is not trusted", async () => {
    const bad = `touch ${folder}/was-run; ${HAS_LINTUNE}`;
    program("work/.venv/bin/python", bad);
    program("work/bin/python3", bad);
    program("work/chosen", bad);
    const mine = program("bin/python3", HAS_LINTUNE);
    const found = await look({
      trusted: false,
      interpreter: () => Promise.resolve(path.join(folder, "work/chosen")),
      environment: {
        PATH: [path.join(folder, "work/bin"), path.join(folder, "bin")].join(path.delimiter),
        VIRTUAL_ENV: path.join(folder, "work/.venv"),
      },
    });
    assert.equal(found.engine, null, "a program further back on the PATH, under the same name, is another one");
    assert.equal(existsSync(path.join(folder, "was-run")), false);
    assert.equal((await look({ trusted: false })).engine?.command, mine);
  });

  it("goes on when a Python lacks Lintune, and takes a lintune on the PATH", async () => {
    program("work/.venv/bin/python", HAS_NOT);
    program("bin/python3", TOO_OLD);
    const mine = program("bin/lintune", "exit 0");
    assert.deepEqual(await look(), { engine: { command: mine, args: [], origin: "PATH", python: null } });
  });

  it("leaves a lintune alone whose Python is gone", async () => {
    const gone = program("bin/lintune", "");
    writeFileSync(gone, "#!/nowhere/python\n");
    assert.equal((await look()).engine, null);
  });

  it("installs into the workspace's environment, and makes one with a Python of the PATH", async () => {
    program("bin/python3", TOO_OLD);
    const system = program("bin/python3.11", SYSTEM);
    const made = await look();
    assert.ok(made.engine === null);
    assert.deepEqual(made.target, { python: system, environment: false, pip: true });
    const mine = program("work/venv/bin/python", says({ lintune: false, pip: false }));
    const found = await look();
    assert.ok(found.engine === null);
    assert.deepEqual(found.target, { python: mine, environment: true, pip: false });
    assert.equal(found.problem, `The Python package lintune is not installed in ${mine}.`);
  });

  it("looks nowhere else when the setting is wrong, and says so", async () => {
    program("bin/python3", HAS_LINTUNE);
    assert.deepEqual(await look({ setting: "/nowhere/python" }), {
      engine: null,
      lack: "wrong setting",
      problem: "lintune.pythonPath is /nowhere/python, and that is no Python that can be run.",
      target: null,
    });
    const system = await look({ setting: program("bin/system", SYSTEM) });
    assert.ok(system.engine === null);
    assert.equal(system.target, null);
    assert.match(system.problem, /takes no packages/);
  });

  it("asks a real Python", async () => {
    execFileSync("python3", ["-m", "venv", "--without-pip", path.join(folder, "work/.venv")]);
    const found = await look();
    assert.ok(found.engine === null);
    const python = path.join(folder, "work/.venv/bin/python");
    assert.deepEqual(found.target, { python, environment: true, pip: false });
  });

  it("says that a Python is too old", async () => {
    const old = program("bin/python3", TOO_OLD);
    const problem = `${old} is too old. Lintune needs Python 3.11 or later.`;
    assert.deepEqual(await look(), { engine: null, lack: "too old", problem, target: null });
  });

  it("says that there is no Python", async () => {
    const problem = "No Python was found. Lintune needs Python 3.11 or later.";
    assert.deepEqual(await look(), { engine: null, lack: "no Python", problem, target: null });
  });
});

describe("expand", () => {
  it("fills in the home and the workspace folder", () => {
    assert.equal(expand(" ~/env/bin/python ", undefined), path.join(homedir(), "env/bin/python"));
    assert.equal(expand("${workspaceFolder}/env/bin/python", "/data"), "/data/env/bin/python");
    assert.equal(expand("/opt/~python", "/data"), "/opt/~python");
  });
});
