// What to do when no Python with Lintune was found.
import * as vscode from "vscode";

import { installCommand } from "./python";

const INSTALL = "Install";
const CHOOSE = "Choose Python";

/** Say what is wrong, and offer the way out. */
export async function offerInstall(problem: string, installInto: string | null): Promise<void> {
  const offers = installInto === null ? [CHOOSE] : [INSTALL, CHOOSE];
  const chosen = await vscode.window.showWarningMessage(`Lintune cannot start. ${problem}`, ...offers);
  if (chosen === INSTALL) {
    openInstallTerminal(installInto);
  } else if (chosen === CHOOSE) {
    await vscode.commands.executeCommand("workbench.action.openSettings", "lintune.pythonPath");
  }
}

/** A terminal with the command typed in. The user sends it off: it downloads gigabytes when torch is not there. */
export function openInstallTerminal(python: string | null): void {
  const terminal = vscode.window.createTerminal({ name: "Install Lintune" });
  terminal.show();
  terminal.sendText(installCommand(python), false);
}
