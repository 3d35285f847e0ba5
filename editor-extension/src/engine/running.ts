// Running a program without a shell, line by line, and ending it with all that it started. Knows nothing of VS Code.
import { spawn } from "node:child_process";
import { homedir } from "node:os";
import { createInterface } from "node:readline";

import { WINDOWS } from "./places";

/** How a program ended. */
export interface Ended {
  /** Null when it was ended by a signal, or could not be started. */
  readonly code: number | null;
  /** What it said, both streams; only the end when that is long. */
  readonly output: string;
}

/** Characters of the output. */
const KEPT = 64 * 1024;

/** Run a program to its end. `onLine` hears each line; `signal` ends it and what it started. */
export function run(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
  signal?: AbortSignal,
): Promise<Ended> {
  return new Promise((resolve) => {
    // A group of its own, so that a compiler ends with the pip that started it.
    const child = spawn(command, args, {
      cwd: homedir(),
      env: environment,
      detached: !WINDOWS,
      windowsHide: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const hear = (line: string) => {
      output = `${output}${line}\n`.slice(-KEPT);
      onLine(line);
    };
    createInterface({ input: child.stdout }).on("line", hear);
    createInterface({ input: child.stderr }).on("line", hear);
    const end = () => {
      endTree(child.pid);
    };
    if (signal?.aborted) {
      end();
    }
    signal?.addEventListener("abort", end);
    const done = (code: number | null) => {
      signal?.removeEventListener("abort", end);
      resolve({ code, output });
    };
    child.on("error", (error) => {
      output += `${error.message}\n`;
      done(null);
    });
    child.on("close", done);
  });
}

function endTree(pid: number | undefined): void {
  if (pid === undefined) {
    return;
  }
  if (WINDOWS) {
    const ending = spawn("taskkill", ["/pid", String(pid), "/T", "/F"], { windowsHide: true, stdio: "ignore" });
    ending.unref();
    return;
  }
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
}
