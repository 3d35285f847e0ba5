// Finding a Python that has Lintune, or one to install it into. Knows nothing of VS Code.
import { candidates, type Origin, type Places } from "./places";
import { type Facts, inspect, runs, SAFE_PATH, type Verdict } from "./python";

/** A Lintune that can be run: `command`, then `args`, then a command of `lintune`. */
export interface Engine {
  readonly command: string;
  readonly args: readonly string[];
  readonly origin: Origin;
  /** The Python that it is installed in, and what else is there; null for a program `lintune` on the PATH. */
  readonly python: { readonly command: string; readonly facts: Facts } | null;
}

/** A Python to install with. */
export interface InstallTarget {
  readonly python: string;
  /** Whether it is an environment that takes packages. Otherwise it makes one. */
  readonly environment: boolean;
  readonly pip: boolean;
}

/** Why there is no engine. */
export type Lack = "not installed" | "wrong setting" | "too old" | "no Python";

/** What came of the search. When nothing was found, `problem` is a sentence for a person. */
export type Search =
  | { readonly engine: Engine }
  | {
      readonly engine: null;
      readonly lack: Lack;
      readonly problem: string;
      readonly target: InstallTarget | null;
    };

const NEEDS = "Lintune needs Python 3.11 or later.";

/** Look for Lintune: in the Python of the setting and nowhere else; or wherever it may be. */
export async function search(places: Places, look = inspect): Promise<Search> {
  let target: InstallTarget | null = null;
  let tooOld: string | null = null;
  const seen = new Set<string>();
  for await (const { command, kind, origin } of candidates(places)) {
    if (seen.has(command)) {
      continue;
    }
    seen.add(command);
    if (kind === "lintune") {
      if (await runs(command)) {
        return { engine: { command, args: [], origin, python: null } };
      }
      continue;
    }
    const facts = await look(command);
    if (typeof facts === "object" && facts.lintune) {
      const args = [SAFE_PATH, "-m", "lintune_server"];
      return { engine: { command, args, origin, python: { command, facts } } };
    }
    if (origin === "setting lintune.pythonPath") {
      return { engine: null, lack: "wrong setting", problem: settingProblem(command, facts), target: into(command, facts) };
    }
    // Packages go where they were meant to go: into the folder's environment, or a new one of its own.
    if (typeof facts === "object" && origin !== "tools of uv or pipx") {
      const environment = facts.environment && origin !== "PATH";
      target ??= { python: command, environment, pip: facts.pip };
    }
    if (facts === "too old") {
      tooOld ??= command;
    }
  }
  if (target !== null) {
    const problem = target.environment
      ? `The Python package lintune is not installed in ${target.python}.`
      : "The Python package lintune is not installed.";
    return { engine: null, lack: "not installed", problem, target };
  }
  if (tooOld !== null) {
    return { engine: null, lack: "too old", problem: `${tooOld} is too old. ${NEEDS}`, target: null };
  }
  return { engine: null, lack: "no Python", problem: `No Python was found. ${NEEDS}`, target: null };
}

/** The Python of the setting as a place to install into: it has to take packages, or nothing can be done. */
function into(python: string, facts: Verdict): InstallTarget | null {
  const takes = typeof facts === "object" && !facts.managed;
  return takes ? { python, environment: true, pip: facts.pip } : null;
}

function settingProblem(command: string, facts: Verdict): string {
  const setting = `lintune.pythonPath is ${command}`;
  if (facts === "too old") {
    return `${setting}, which is too old. ${NEEDS}`;
  }
  if (facts === "unusable") {
    return `${setting}, and that is no Python that can be run.`;
  }
  const managed = facts.managed ? " It is the operating system's own and takes no packages." : "";
  return `${setting}, and the package lintune is not installed there.${managed}`;
}
