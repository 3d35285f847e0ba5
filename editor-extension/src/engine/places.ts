// Where Pythons and environments are. Knows nothing of VS Code.
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";

export const WINDOWS = process.platform === "win32";

/** Where something was found, in words that go on "from …". */
export type Origin =
  | "setting lintune.pythonPath"
  | "workspace"
  | "Python extension"
  | "active environment"
  | "PATH"
  | "tools of uv or pipx"
  | "environment of the extension";

/** A program to try, and where it was found. */
export interface Candidate {
  readonly command: string;
  readonly kind: "python" | "lintune";
  readonly origin: Origin;
}

/** Where to look. */
export interface Places {
  /** The setting `lintune.pythonPath`; empty when it is not set. */
  readonly setting: string;
  /** The workspace's folders. */
  readonly folders: readonly string[];
  /** Whether they are trusted: nothing that lies in them is run before. */
  readonly trusted: boolean;
  readonly environment: NodeJS.ProcessEnv;
  /** Where the extension makes an environment when no folder is open. */
  readonly own: string;
  /** The interpreter that the Python extension has chosen, when that is there; asked only when it comes to that. */
  readonly interpreter: () => Promise<string | null>;
}

/** The names under which people make environments in their folders; the first is ours. */
const ENVIRONMENTS = [".venv", "venv", ".conda"];
/** The newest that everything we install has packages for comes first among those that name their version. */
const NAMES = ["python3", "python", "python3.13", "python3.12", "python3.11", "lintune"];

/** The Python of an environment. */
export function pythonIn(environment: string): string {
  return path.join(environment, WINDOWS ? path.join("Scripts", "python.exe") : path.join("bin", "python"));
}

/** The programs that exist, in the order in which to try them. */
export async function* candidates(places: Places): AsyncGenerator<Candidate> {
  if (places.setting !== "") {
    yield { command: places.setting, kind: "python", origin: "setting lintune.pythonPath" };
    return;
  }
  for await (const candidate of everywhere(places)) {
    if ((places.trusted || !isInside(candidate.command, places.folders)) && (await isProgram(candidate.command))) {
      yield candidate;
    }
  }
}

async function* everywhere(places: Places): AsyncGenerator<Candidate> {
  const python = (command: string, origin: Origin): Candidate => ({ command, kind: "python", origin });
  for (const folder of places.folders) {
    for (const name of ENVIRONMENTS) {
      yield python(inEnvironment(path.join(folder, name)), "workspace");
    }
  }
  if (places.trusted) {
    const chosen = await places.interpreter();
    if (chosen !== null) {
      yield python(chosen, "Python extension");
    }
  }
  for (const variable of ["VIRTUAL_ENV", "CONDA_PREFIX"]) {
    const environment = places.environment[variable];
    if (environment !== undefined && path.isAbsolute(environment)) {
      yield python(inEnvironment(environment), "active environment");
    }
  }
  for (const name of NAMES) {
    for (const folder of (places.environment.PATH ?? "").split(path.delimiter)) {
      const command = path.join(folder, WINDOWS ? `${name}.exe` : name);
      // Relative entries do not count: they depend on the folder.
      if (path.isAbsolute(folder) && (await isProgram(command))) {
        yield { command, kind: name === "lintune" ? "lintune" : "python", origin: "PATH" };
        break;
      }
    }
  }
  for (const environment of toolEnvironments(places.environment)) {
    yield python(pythonIn(environment), "tools of uv or pipx");
  }
  yield python(pythonIn(places.own), "environment of the extension");
}

/** Where `uv tool install lintune` and `pipx install lintune` put it. */
function toolEnvironments(environment: NodeJS.ProcessEnv): string[] {
  const home = homedir();
  const data = WINDOWS ? environment.APPDATA : (environment.XDG_DATA_HOME ?? path.join(home, ".local", "share"));
  const uv = environment.UV_TOOL_DIR ?? (data === undefined ? undefined : path.join(data, "uv", "tools"));
  const pipx = environment.PIPX_HOME ?? path.join(home, ".local", "pipx");
  const found = [path.join(pipx, "venvs", "lintune")];
  if (uv !== undefined) {
    found.unshift(path.join(uv, "lintune"));
  }
  if (data !== undefined) {
    found.push(path.join(data, "pipx", "venvs", "lintune"));
  }
  return found.filter((folder) => path.isAbsolute(folder));
}

/** Conda's environments have their Python at the top on Windows. */
function inEnvironment(environment: string): string {
  const isConda = path.basename(environment) === ".conda";
  return WINDOWS && isConda ? path.join(environment, "python.exe") : pythonIn(environment);
}

function isInside(file: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const inside = path.relative(folder, file);
    return inside !== "" && !inside.startsWith("..") && !path.isAbsolute(inside);
  });
}

async function isProgram(command: string): Promise<boolean> {
  return access(command, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The setting as a path: with `~` and `${workspaceFolder}` filled in. */
export function expand(setting: string, folder: string | undefined): string {
  const filled = setting.trim().replaceAll("${workspaceFolder}", folder ?? "");
  return filled === "~" || /^~[/\\]/.test(filled) ? path.join(homedir(), filled.slice(1)) : filled;
}
