// Why an installation failed, and what to do about it: from what Python and pip said. Knows nothing of VS Code.
import { readFileSync } from "node:fs";

import type { Purpose, Step } from "./steps";

/** In words for a person. */
export interface Failure {
  /** What is wrong and what to do; without what still works. */
  readonly message: string;
  /** A command for a terminal that mends it, when there is one. */
  readonly remedy: string | null;
}

/** What decides which commands install something on this system. */
export type System = "debian" | "fedora" | "arch" | "suse" | "linux" | "macos" | "windows";

interface Sign {
  readonly pattern: RegExp;
  readonly failure: (system: System, step: Step, said: RegExpExecArray) => Failure;
}

const WITHOUT_REMEDY = (message: string) => (): Failure => ({ message, remedy: null });

/** The first that is found in the output tells the cause: pip's last lines are often only what follows from it. */
const SIGNS: readonly Sign[] = [
  {
    pattern: /ensurepip is not\s+available|No module named '?(?:ensurepip|venv)\b/,
    failure: (system, step) => noVenv(system, step.command),
  },
  {
    pattern: /No space left on device|\[Errno 28\]|not enough space on the disk|WinError 112/i,
    failure: WITHOUT_REMEDY("The disk is full. Make some room, and try again: what is there already is kept."),
  },
  {
    pattern: /CERTIFICATE_VERIFY_FAILED|SSLError/,
    failure: WITHOUT_REMEDY(
      "The package index has a certificate that pip does not trust. Behind a company's proxy, give pip its " +
        "certificate (pip config set global.cert FILE), and try again.",
    ),
  },
  {
    pattern: /ProxyError|Cannot connect to proxy|407 Proxy/,
    failure: WITHOUT_REMEDY("pip could not get through the proxy. Check HTTPS_PROXY, or pip's own setting, and try again."),
  },
  {
    pattern:
      /NewConnectionError|Failed to establish a new connection|Name or service not known|Temporary failure in name|NameResolutionError|nodename nor servname|getaddrinfo failed|Connection refused|Network is unreachable|ConnectTimeout|Read timed out|ReadTimeoutError|Connection aborted|RemoteDisconnected/,
    failure: WITHOUT_REMEDY(
      "The package index could not be reached. Check the network, and try again. An index of your own is used when " +
        "pip's configuration names it.",
    ),
  },
  {
    pattern: /CMAKE_C(?:XX)?_COMPILER|No CMAKE_C\w* compiler|could not find (?:a )?compiler|command '?(?:gcc|g\+\+|cc|clang|cl\.exe)'? failed|Unable to find .*compiler|CMake Error|Microsoft Visual C\+\+ \d+/i,
    failure: (system) => noCompiler(system),
  },
  {
    pattern: /externally-managed-environment/,
    failure: WITHOUT_REMEDY("This Python belongs to the operating system and takes no packages. Install into a .venv."),
  },
  {
    pattern: /Permission denied|\[Errno 13\]|\[Errno 30\]|Read-only file system|WinError 5\b/,
    failure: (_, step) => ({
      message: `${step.args.at(-1) ?? "The environment"} could not be written: permission denied. Choose another folder, or change its permissions.`,
      remedy: null,
    }),
  },
  {
    pattern: /No matching distribution found for (\S+)/,
    failure: (_, __, said) => ({
      message:
        `pip found no ${said[1] ?? "such package"} for this Python and this machine. An older Python (3.11 to 3.13) may ` +
        "do: choose one in the setting lintune.pythonPath. Or the package index was not reached: the output says so.",
      remedy: null,
    }),
  },
  {
    pattern: /Failed (?:building wheel for|to build)[^\n]*?(\S+)$/m,
    failure: (_, __, said) => ({ message: `${said[1] ?? "A package"} could not be built. The output says why.`, remedy: null }),
  },
];

/** What went wrong in a step, by what it said. */
export function failureOf(step: Step, output: string, system: System): Failure {
  // pip tries again what it cannot reach, and often gets there: such warnings are no cause.
  const text = output.replaceAll(/^WARNING: Retrying .*$/gm, (line) => (/^ERROR/m.test(output) ? line : ""));
  for (const { pattern, failure } of SIGNS) {
    const said = pattern.exec(text);
    if (said !== null) {
      return failure(system, step, said);
    }
  }
  const last = text.split("\n").reverse().find((line) => /^(?:ERROR|error|Error)\b/.test(line.trim()));
  const detail = last === undefined ? "The output says why." : last.trim().replace(/^(?:ERROR|error|Error): ?/, "");
  return { message: detail, remedy: null };
}

function noVenv(system: System, python: string): Failure {
  const message = "This Python cannot make virtual environments: a part of it is missing.";
  if (system !== "debian") {
    return { message: `${message} Install a whole Python from python.org, and choose it in lintune.pythonPath.`, remedy: null };
  }
  // Debian has the package for its own version only under the version's name, as python3.11-venv.
  const version = /python(3\.\d+)$/.exec(python)?.[1] ?? "3";
  return mendedBy(message, `sudo apt install python${version}-venv`);
}

const COMPILERS: Readonly<Partial<Record<System, string>>> = {
  debian: "sudo apt install build-essential",
  fedora: "sudo dnf install gcc-c++ make",
  arch: "sudo pacman -S base-devel",
  suse: "sudo zypper install gcc-c++ make",
  macos: "xcode-select --install",
};

function noCompiler(system: System): Failure {
  const message = "llama.cpp has to be compiled on this machine, and there is no working C++ compiler.";
  const remedy = COMPILERS[system];
  if (remedy !== undefined) {
    return mendedBy(message, remedy);
  }
  const what = system === "windows" ? "the Visual Studio Build Tools with “Desktop development with C++”" : "g++ and make";
  return { message: `${message} Install ${what}, and try again.`, remedy: null };
}

function mendedBy(message: string, remedy: string): Failure {
  return { message: `${message} Run “${remedy}” in a terminal, and try again.`, remedy };
}

/** What works, although a step failed. */
export function stillWorks(failed: Purpose): string {
  switch (failed) {
    case "training":
      return "Linting works without it.";
    case "answers":
      return "Linting and training work without it.";
    default:
      return "";
  }
}

/** What there is no Python for, and where to get one. */
export function getPython(system: System): Failure {
  const message = "Lintune needs Python 3.11 or later.";
  switch (system) {
    case "debian":
      return mendedBy(message, "sudo apt install python3 python3-venv");
    case "fedora":
      return mendedBy(message, "sudo dnf install python3");
    case "macos":
      return { message: `${message} Install it from python.org, or run “brew install python@3.13”.`, remedy: "brew install python@3.13" };
    default:
      return { message: `${message} Install it from python.org.`, remedy: null };
  }
}

/** This machine's. */
export function thisSystem(): System {
  if (process.platform === "darwin" || process.platform === "win32") {
    return process.platform === "darwin" ? "macos" : "windows";
  }
  try {
    return systemOf(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return "linux";
  }
}

/** By the contents of /etc/os-release. */
export function systemOf(release: string): System {
  const names = [...release.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].map((line) => line[1] ?? "").join(" ");
  const known: readonly [RegExp, System][] = [
    [/debian|ubuntu/, "debian"],
    [/fedora|rhel|centos/, "fedora"],
    [/arch/, "arch"],
    [/suse/, "suse"],
  ];
  return known.find(([pattern]) => pattern.test(names))?.[1] ?? "linux";
}
