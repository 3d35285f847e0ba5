// What is said when there is no engine, when it keeps crashing, or when it speaks another protocol; and the ways out.
import * as vscode from "vscode";

import type { Disagreement } from "./agreement";
import { getPython, thisSystem } from "./failures";
import type { Search } from "./finding";

type Missing = Extract<Search, { engine: null }>;

const INSTALL = "Install";
const LINTING_ONLY = "Linting Only";
const CHOOSE = "Choose Python";
const TRUST = "Manage Trust";
const COPY = "Copy Command";
const RESTART = "Restart";
const SHOW_OUTPUT = "Show Output";
const UPGRADE = "Upgrade";
const UPDATE = "Check for Updates";

/** There is no engine: say why, and offer the way out. */
export async function offerEngine(missing: Missing): Promise<void> {
  if (missing.target === null) {
    await (missing.lack === "wrong setting" ? offerSetting(missing.problem) : offerPython(missing));
    return;
  }
  const place = placeOf(missing);
  const message =
    missing.lack === "wrong setting"
      ? missing.problem
      : `Lintune needs its Python package, which does the work. Install it ${place}?`;
  const trust = vscode.workspace.isTrusted ? [] : [TRUST];
  const chosen = await vscode.window.showWarningMessage(message, INSTALL, LINTING_ONLY, ...trust, CHOOSE);
  switch (chosen) {
    case INSTALL:
      await vscode.commands.executeCommand("lintune.install", "everything");
      break;
    case LINTING_ONLY:
      await vscode.commands.executeCommand("lintune.install", "linting");
      break;
    case TRUST:
      await vscode.commands.executeCommand("workbench.trust.manage");
      break;
    case CHOOSE:
      await choosePython();
      break;
  }
}

/** Where it would be installed, in words that go on "Install it …". */
function placeOf(missing: Missing): string {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (missing.target?.environment) {
    return `into ${missing.target.python}`;
  }
  return folder && vscode.workspace.isTrusted ? `into a new .venv in “${folder.name}”` : "for all your folders";
}

async function offerSetting(problem: string): Promise<void> {
  if ((await vscode.window.showWarningMessage(problem, CHOOSE)) === CHOOSE) {
    await choosePython();
  }
}

async function offerPython(missing: Missing): Promise<void> {
  const { message, remedy } = getPython(thisSystem());
  const words = missing.lack === "too old" ? missing.problem.replace(/ Lintune needs.*/, "") : "No Python was found.";
  const offers = remedy === null ? [CHOOSE] : [COPY, CHOOSE];
  const chosen = await vscode.window.showWarningMessage(`${words} ${message}`, ...offers);
  if (chosen === COPY && remedy !== null) {
    await vscode.env.clipboard.writeText(remedy);
  } else if (chosen === CHOOSE) {
    await choosePython();
  }
}

async function choosePython(): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openSettings", "@id:lintune.pythonPath");
}

/** Only linting is installed, and a training is asked for. */
export async function offerTraining(): Promise<void> {
  const message = "Training needs PyTorch and more, which are not installed yet: about 2 GB, or more for a machine with a GPU.";
  if ((await vscode.window.showInformationMessage(message, INSTALL)) === INSTALL) {
    await vscode.commands.executeCommand("lintune.install", "everything");
  }
}

/** It has crashed too often, and is not started any more by itself. */
export async function offerRestart(output: vscode.LogOutputChannel): Promise<void> {
  const message = "Lintune's language server crashed five times in three minutes, and is not started again by itself.";
  const chosen = await vscode.window.showErrorMessage(message, RESTART, SHOW_OUTPUT);
  if (chosen === RESTART) {
    await vscode.commands.executeCommand("lintune.restartServer");
  } else if (chosen === SHOW_OUTPUT) {
    output.show();
  }
}

/** The package and the extension do not speak the same protocol. `upgradable`: we know where it is installed. */
export async function offerUpgrade({ older, message }: Disagreement, upgradable: boolean): Promise<void> {
  if (older === "extension") {
    if ((await vscode.window.showWarningMessage(message, UPDATE)) === UPDATE) {
      await vscode.commands.executeCommand("workbench.extensions.action.checkForUpdates");
    }
    return;
  }
  if (!upgradable) {
    void vscode.window.showWarningMessage(`${message} Upgrade it the way it was installed (uv tool upgrade lintune).`);
    return;
  }
  if ((await vscode.window.showWarningMessage(message, UPGRADE)) === UPGRADE) {
    await vscode.commands.executeCommand("lintune.upgrade");
  }
}
