// What to do when no Python with Lintune was found.
import { setTimeout } from "node:timers/promises";

import * as vscode from "vscode";

/** A shell that is still starting shows what is typed twice: before its prompt and behind it. */
const SHELL_START_MS = 1_000;
const INSTALL = "Install";
const CHOOSE = "Choose Python";

/** Say what is wrong, and offer the way out. */
export async function offerInstall(problem: string, installable: boolean): Promise<void> {
  const offers = installable ? [INSTALL, CHOOSE] : [CHOOSE];
  const chosen = await vscode.window.showWarningMessage(`Lintune cannot start. ${problem}`, ...offers);
  if (chosen === INSTALL) {
    await vscode.commands.executeCommand("lintune.install");
  } else if (chosen === CHOOSE) {
    await vscode.commands.executeCommand("workbench.action.openSettings", "lintune.pythonPath");
  }
}

/** A terminal with a command typed in. The user sends it off: it downloads gigabytes when torch is not there. */
export async function openInstallTerminal(command: string): Promise<vscode.Terminal> {
  const terminal = vscode.window.createTerminal({ name: "Install Lintune" });
  terminal.show();
  await terminal.processId;
  await setTimeout(SHELL_START_MS);
  terminal.sendText(command, false);
  return terminal;
}
