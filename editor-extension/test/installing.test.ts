import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, it } from "node:test";

import { disagreement } from "../src/engine/agreement";
import { Crashes } from "../src/engine/crashes";
import { failureOf, getPython, systemOf } from "../src/engine/failures";
import { phrase } from "../src/engine/pipOutput";
import { run } from "../src/engine/running";
import { asCommand, type Step, steps } from "../src/engine/steps";

const ON_WINDOWS = { skip: process.platform === "win32" };
const NEW = { python: "/usr/bin/python3", make: "/my data/.venv", pip: true };
const THERE = { python: "/work/.venv/bin/python", make: null, pip: true };

describe("the steps of an installation", ON_WINDOWS, () => {
  const purposes = (planned: Step[]) => planned.map(({ purpose }) => purpose);

  it("make an environment first, then what lints, then the rest", () => {
    const planned = steps(NEW, "everything");
    assert.deepEqual(purposes(planned), ["environment", "linting", "training", "answers"]);
    assert.deepEqual(planned[0]?.args, ["-P", "-m", "venv", "/my data/.venv"]);
    assert.ok(planned.slice(1).every(({ command }) => command === "/my data/.venv/bin/python"));
    assert.deepEqual(planned.map(({ args }) => args.at(-1)).slice(1), ["lintune", "lintune[train]", "lintune[serve]"]);
  });

  it("are one when there is an environment and only linting is wanted", () => {
    assert.deepEqual(purposes(steps(THERE, "linting")), ["linting"]);
  });

  it("get pip where an environment has none", () => {
    assert.deepEqual(purposes(steps({ ...THERE, pip: false }, "linting")), ["pip", "linting"]);
  });

  it("can be typed into a terminal, too", () => {
    assert.equal(asCommand(THERE, "linting"), "/work/.venv/bin/python -m pip install lintune");
    assert.equal(
      asCommand(NEW, "everything"),
      '/usr/bin/python3 -m venv "/my data/.venv" && "/my data/.venv/bin/python" -m pip install "lintune[train,serve]"',
    );
  });
});

describe("what pip says", () => {
  const said: readonly [string, string | null][] = [
    ["  Downloading tokenizers-0.23.3-cp310-abi3-linux_x86_64.whl (3.4 MB)", "downloading tokenizers (3.4 MB)"],
    ["  Downloading tokenizers-0.23.3-cp310-abi3-linux_x86_64.whl.metadata (6.9 kB)", null],
    ["Collecting torch>=2.8 (from lintune[train])", "looking for torch"],
    ["Processing /opt/files/dill-0.4.1-py3-none-any.whl (from datasets>=4.7.0->trl)", "reading dill"],
    ["Building wheels for collected packages: llama-cpp-python", "compiling llama.cpp, some minutes, only this once"],
    ["Installing collected packages: six, torch, peft", "unpacking 3 packages"],
    ["Requirement already satisfied: rich in /work/.venv (15.0.0)", null],
  ];
  for (const [line, words] of said) {
    it(`is shown as ${words ?? "nothing"}`, () => {
      assert.equal(phrase(line), words);
    });
  }
});

describe("what to do when an installation fails", () => {
  const step = (command = "/usr/bin/python3"): Step => ({ purpose: "linting", command, args: ["lintune"] });
  const message = (output: string) => failureOf(step(), output, "debian").message;

  it("names Debian's package for a Python that makes no environments", () => {
    const output = "The virtual environment was not created successfully because ensurepip is not\navailable.  On Debian…";
    assert.equal(failureOf(step(), output, "debian").remedy, "sudo apt install python3-venv");
    assert.equal(failureOf(step("/usr/bin/python3.12"), output, "debian").remedy, "sudo apt install python3.12-venv");
    assert.equal(failureOf(step(), output, "macos").remedy, null);
    assert.equal(failureOf(step(), "/usr/bin/python3: No module named venv", "debian").remedy, "sudo apt install python3-venv");
  });

  it("tells a network that is down from a package that is not there", () => {
    const gone = "ERROR: No matching distribution found for lintune";
    const retry = "WARNING: Retrying (Retry(total=0)) after 'NewConnectionError(…: Connection refused)': /simple/lintune/";
    assert.match(message(`${retry}\n${gone}`), /could not be reached/);
    assert.match(message(gone), /found no lintune for this Python/);
  });

  it("names a compiler for llama.cpp", () => {
    const output = "CMake Error: CMAKE_CXX_COMPILER not set\nERROR: Failed building wheel for llama-cpp-python";
    assert.equal(failureOf(step(), output, "debian").remedy, "sudo apt install build-essential");
    assert.match(failureOf(step(), output, "windows").message, /Visual Studio Build Tools/);
  });

  it("knows a full disk, a proxy, a certificate, a folder that may not be written", () => {
    assert.match(message("ERROR: [Errno 28] No space left on device"), /disk is full/);
    assert.match(message("ProxyError('Cannot connect to proxy.')"), /proxy/);
    assert.match(message("SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED"), /certificate/);
    assert.match(message("PermissionError: [Errno 13] Permission denied: '/x'"), /permission denied/);
  });

  it("repeats pip's own last error when it knows none of that", () => {
    assert.equal(message("ERROR: one\nERROR: two\n"), "two");
    assert.equal(message(""), "The output says why.");
  });

  it("says where to get a Python", () => {
    assert.equal(systemOf('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n'), "debian");
    assert.equal(systemOf("ID=nixos\n"), "linux");
    assert.equal(getPython("debian").remedy, "sudo apt install python3 python3-venv");
    assert.match(getPython("windows").message, /python\.org/);
  });

  it("holds for what a real pip says without a network", ON_WINDOWS, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "lintune-"));
    try {
      execFileSync("python3", ["-m", "venv", folder]);
      const [planned] = steps({ python: path.join(folder, "bin/python"), make: null, pip: true }, "linting");
      assert.ok(planned);
      const environment = { PIP_INDEX_URL: "http://127.0.0.1:9/simple", PIP_RETRIES: "1", PIP_CONFIG_FILE: "/dev/null" };
      const ended = await run(planned.command, planned.args, environment, () => undefined);
      assert.notEqual(ended.code, 0);
      assert.match(failureOf(planned, ended.output, "debian").message, /could not be reached/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a program that is run", ON_WINDOWS, () => {
  it("is heard line by line", async () => {
    const lines: string[] = [];
    const ended = await run("sh", ["-c", "echo one; echo two >&2; exit 3"], process.env, (line) => lines.push(line));
    assert.equal(ended.code, 3);
    assert.deepEqual(lines.sort(), ["one", "two"]);
  });

  it("ends with all that it started", async () => {
    const controller = new AbortController();
    const pids: number[] = [];
    const running = run("sh", ["-c", "sleep 60 & echo $!; wait"], process.env, (line) => {
      pids.push(Number(line));
      controller.abort();
    }, controller.signal);
    assert.equal((await running).code, null);
    for (let tries = 0; tries < 100 && isAlive(pids[0]); tries++) {
      await setTimeout(20);
    }
    assert.equal(isAlive(pids[0]), false);
  });

  it("that is not there says so", async () => {
    const ended = await run("/nowhere/python", [], process.env, () => undefined);
    assert.equal(ended.code, null);
    assert.match(ended.output, /ENOENT/);
  });
});

function isAlive(pid = 0): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("agreement", () => {
  const server = (protocol: unknown) => ({
    capabilities: { experimental: { lintune: { protocol, version: "0.3.0" } } },
    serverInfo: { version: "0.3.0" },
  });

  it("is silent when both speak the same", () => {
    assert.equal(disagreement(server(2), 2), null);
  });

  it("says which is older", () => {
    assert.equal(disagreement(server(3), 2)?.older, "extension");
    assert.match(disagreement(server(3), 2)?.message ?? "", /lintune 0\.3\.0 is newer/);
    assert.equal(disagreement(server(1), 2)?.older, "package");
  });

  it("takes a package that says nothing for an old one", () => {
    assert.match(disagreement({ capabilities: {} }, 1)?.message ?? "", /package lintune is older/);
  });
});

describe("crashes", () => {
  it("are followed by a new start, four times in three minutes", () => {
    const crashes = new Crashes();
    assert.deepEqual([0, 1, 2, 3, 4].map((time) => crashes.count(time)), [true, true, true, true, false]);
    crashes.forget();
    assert.equal(crashes.count(5), true);
  });

  it("that are long ago do not count", () => {
    const crashes = new Crashes();
    assert.ok([0, 1, 2, 3, 4].every((time) => crashes.count(time * 60_000)));
  });
});
