// Finding a Python that has Lintune installed. Knows nothing of VS Code.
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";

/** A program to try, and where it was found. */
export interface Candidate {
  readonly command: string;
  readonly kind: "python" | "lintune";
  readonly origin: "setting" | "workspace" | "PATH";
}

/** How to start the language server. */
export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** A Python into which Lintune could be installed. */
export interface InstallTarget {
  readonly python: string;
  /** The operating system's own Python, into which pip refuses to install (PEP 668). */
  readonly managed: boolean;
}

/** What came of the search. When nothing was found, `problem` is a sentence for a person. */
export type Search =
  | { readonly found: ServerCommand; readonly origin: Candidate["origin"] }
  | {
      readonly found: null;
      readonly problem: string;
      readonly installInto: InstallTarget | null;
    };

/** Where to look. */
export interface Places {
  /** The setting `lintune.pythonPath`; empty when it is not set. */
  readonly setting: string;
  /** Folders whose `.venv` counts. Leave it empty while they are not trusted: a `.venv` is theirs to run code. */
  readonly folders: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** What trying a Python showed. */
export type Verdict = "lintune" | "no lintune" | "no lintune, managed" | "too old" | "unusable";

// -P: without it, files beside the data could stand in for Python's own modules. Since 3.11, our oldest.
const SAFE_PATH = "-P";
const LOOK = `
import importlib.util, os, sys, sysconfig
if importlib.util.find_spec("lintune_server"):
    print("lintune")
elif sys.prefix == sys.base_prefix and os.path.exists(
    os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
):
    print("no lintune, managed")
else:
    print("no lintune")
`;
const PATIENCE_MS = 15_000;
const WINDOWS = process.platform === "win32";

/** Look for Lintune: in the Python of the setting and nowhere else; or in workspaces' `.venv`, then on the PATH. */
export async function search(places: Places, tryPython = verdictOn): Promise<Search> {
  let installInto: InstallTarget | null = null;
  let tooOld: string | null = null;
  for (const candidate of await candidates(places)) {
    if (candidate.kind === "lintune") {
      return { found: { command: candidate.command, args: ["server"] }, origin: candidate.origin };
    }
    const verdict = await tryPython(candidate.command);
    const target = targetOf(candidate.command, verdict);
    if (verdict === "lintune") {
      const args = [SAFE_PATH, "-m", "lintune_server", "server"];
      return { found: { command: candidate.command, args }, origin: candidate.origin };
    }
    if (candidate.origin === "setting") {
      return { found: null, problem: settingProblem(candidate.command, verdict), installInto: target };
    }
    installInto ??= target;
    if (verdict === "too old") {
      tooOld ??= candidate.command;
    }
  }
  if (installInto !== null) {
    const problem = `The Python package lintune is not installed in ${installInto.python}.`;
    return { found: null, problem, installInto };
  }
  const problem =
    tooOld === null
      ? "No Python was found. Lintune needs Python 3.11 or later."
      : `${tooOld} is too old. Lintune needs Python 3.11 or later.`;
  return { found: null, problem, installInto: null };
}

/** The programs that exist, in the order in which to try them. */
async function candidates(places: Places): Promise<Candidate[]> {
  if (places.setting !== "") {
    return [{ command: places.setting, kind: "python", origin: "setting" }];
  }
  const inVenv = WINDOWS ? path.join("Scripts", "python.exe") : path.join("bin", "python");
  const found: Candidate[] = [];
  for (const folder of places.folders) {
    const command = path.join(folder, ".venv", inVenv);
    if (await isProgram(command)) {
      found.push({ command, kind: "python", origin: "workspace" });
    }
  }
  for (const name of ["python3", "python", "lintune"]) {
    const command = await onPath(name, places.environment);
    if (command !== null) {
      found.push({ command, kind: name === "lintune" ? "lintune" : "python", origin: "PATH" });
    }
  }
  return found;
}

function targetOf(python: string, verdict: Verdict): InstallTarget | null {
  switch (verdict) {
    case "no lintune":
      return { python, managed: false };
    case "no lintune, managed":
      return { python, managed: true };
    default:
      return null;
  }
}

function settingProblem(command: string, verdict: Verdict): string {
  const setting = `lintune.pythonPath is ${command}`;
  switch (verdict) {
    case "no lintune":
    case "no lintune, managed":
      return `${setting}, and the package lintune is not installed there.`;
    case "too old":
      return `${setting}, which is too old. Lintune needs Python 3.11 or later.`;
    default:
      return `${setting}, and that is no Python that can be run.`;
  }
}

/** Run a Python for a moment to see whether it has Lintune. */
export function verdictOn(command: string): Promise<Verdict> {
  return new Promise((resolve) => {
    const options = { cwd: homedir(), timeout: PATIENCE_MS, windowsHide: true };
    execFile(command, [SAFE_PATH, "-c", LOOK], options, (error, stdout, stderr) => {
      const said = stdout.trim();
      if (error !== null) {
        resolve(/unknown option:? -P/i.test(stderr) ? "too old" : "unusable");
      } else if (said === "lintune" || said === "no lintune" || said === "no lintune, managed") {
        resolve(said);
      } else {
        resolve("unusable");
      }
    });
  });
}

/** The setting as a path: with `~` and `${workspaceFolder}` filled in. */
export function expand(setting: string, folder: string | undefined): string {
  const filled = setting.trim().replaceAll("${workspaceFolder}", folder ?? "");
  return filled === "~" || /^~[/\\]/.test(filled) ? path.join(homedir(), filled.slice(1)) : filled;
}

/** A program on the PATH; null when it is not there. Relative entries do not count: they depend on the folder. */
async function onPath(name: string, environment: NodeJS.ProcessEnv): Promise<string | null> {
  const folders = (environment.PATH ?? "").split(path.delimiter).filter((entry) => path.isAbsolute(entry));
  for (const folder of folders) {
    const command = path.join(folder, WINDOWS ? `${name}.exe` : name);
    if (await isProgram(command)) {
      return command;
    }
  }
  return null;
}

async function isProgram(command: string): Promise<boolean> {
  return access(command, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * The command that installs Lintune, quoted for a shell (zsh reads brackets). What belongs to the operating
 * system takes no packages: then it makes a `.venv` in the folder, where the next search finds it.
 */
export function installCommand(target: InstallTarget | null, folder: string | undefined): string {
  const program = quote(target?.python ?? (WINDOWS ? "python" : "python3"));
  if (target?.managed && folder !== undefined) {
    const venv = path.join(folder, ".venv");
    return `${program} -m venv ${quote(venv)} && ${pipInstall(quote(path.join(venv, "bin", "python")))}`;
  }
  return pipInstall(program);
}

function pipInstall(program: string): string {
  // PowerShell takes a quoted program for a string unless it is told to call it.
  const call = WINDOWS && program.startsWith('"') ? "& " : "";
  return `${call}${program} -m pip install "lintune[train,serve]"`;
}

function quote(word: string): string {
  return /[^\w./:\\-]/.test(word) ? `"${word}"` : word;
}
