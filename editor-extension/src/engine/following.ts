// What may change which engine runs, or whether there is one: the setting, environments, trust.
import * as vscode from "vscode";

import type { Session } from "../session";

const ENVIRONMENTS = "{.venv,venv}";
const TOLD = "lintune.toldOfRestrictions";
const TRUST = "Manage Trust";

/** Keep to the engine that is the right one. */
export function followEngine(session: Session): vscode.Disposable[] {
  const disposables: vscode.Disposable[] = [
    vscode.workspace.onDidGrantWorkspaceTrust(() => session.trusted()),
    vscode.workspace.onDidChangeConfiguration(
      (change) => change.affectsConfiguration("lintune.pythonPath") && session.engineChanged(),
    ),
    // Somebody may come back from a terminal in which the package was installed.
    vscode.window.onDidChangeWindowState(({ focused }) => focused && session.lookAgain()),
  ];
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    // A watcher says nothing of what is in a folder that is deleted as a whole.
    for (const pattern of [ENVIRONMENTS, `${ENVIRONMENTS}/pyvenv.cfg`]) {
      const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, pattern), false, true);
      disposables.push(
        watcher,
        watcher.onDidCreate(() => session.lookAgain()),
        watcher.onDidDelete(() => session.engineChanged()),
      );
    }
  }
  return disposables;
}

/** In a workspace that is not trusted: say once what that means. */
export async function explainRestrictions(state: vscode.Memento): Promise<void> {
  if (vscode.workspace.isTrusted || state.get<boolean>(TOLD)) {
    return;
  }
  await state.update(TOLD, true);
  const message =
    "This workspace is not trusted. Lintune checks its data and recipes, and nothing else: it trains nothing, loads no " +
    "model, and does not run its .venv.";
  if ((await vscode.window.showInformationMessage(message, TRUST)) === TRUST) {
    await vscode.commands.executeCommand("workbench.trust.manage");
  }
}
