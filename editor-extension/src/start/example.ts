// The example: copied into an empty folder, with the base model that it needs.
import { homedir } from "node:os";

import * as vscode from "vscode";

import type { Installer } from "../engine/installing";
import type { Session } from "../session";
import { lintune } from "./lintune";

const NAME = "smart-home";
const OPEN_HERE = "Open";
const OPEN_NEW = "Open in New Window";

/** Copy the example into the open folder when it is empty, or else into a chosen one; nothing is overwritten. */
export async function openExample(session: Session, installer: Installer): Promise<void> {
  const folder = await emptyFolder();
  const target = folder ?? (await chosenFolder());
  if (target === undefined) {
    return;
  }
  // First: a recipe whose base model is missing would be said to be wrong.
  await installer.installModel();
  if ((await lintune(session, "Copying the example", "init", "--example", target.fsPath)) === null) {
    return;
  }
  if (folder !== undefined) {
    await vscode.window.showTextDocument(vscode.Uri.joinPath(target, "broken.jsonl"));
    return;
  }
  const chosen = await vscode.window.showInformationMessage(`The example is in ${target.fsPath}.`, OPEN_HERE, OPEN_NEW);
  if (chosen !== undefined) {
    await vscode.commands.executeCommand("vscode.openFolder", target, { forceNewWindow: chosen === OPEN_NEW });
  }
}

/** The open folder, when there is nothing in it but what an editor or an environment puts there. */
async function emptyFolder(): Promise<vscode.Uri | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const [first] = folders;
  if (first === undefined || folders.length > 1) {
    return undefined;
  }
  const entries = await vscode.workspace.fs.readDirectory(first.uri);
  return entries.every(([name]) => name.startsWith(".") || name === "venv") ? first.uri : undefined;
}

async function chosenFolder(): Promise<vscode.Uri | undefined> {
  const options = {
    canSelectFiles: false,
    canSelectFolders: true,
    defaultUri: vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(homedir()),
    openLabel: "Copy Example Here",
    title: "Folder in which to put the example",
  };
  const chosen = (await vscode.window.showOpenDialog(options))?.[0];
  return chosen && vscode.Uri.joinPath(chosen, NAME);
}
