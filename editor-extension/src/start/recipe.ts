// A recipe for the folder's data: what `lintune init` writes.
import * as path from "node:path";

import * as vscode from "vscode";

import { NOT_THEIRS } from "../documents";
import type { Session } from "../session";
import { lintune } from "./lintune";

const DATA_SETS = "**/*.{jsonl,ndjson}";
const AT_MOST = 200;

/** Write a recipe for a data set, which is asked for when there are several, and open it. */
export async function newRecipe(session: Session, data?: vscode.Uri): Promise<void> {
  const chosen = data ?? (await chooseData());
  if (chosen === undefined) {
    return;
  }
  const folder = vscode.workspace.getWorkspaceFolder(chosen)?.uri ?? vscode.Uri.joinPath(chosen, "..");
  const words = ["init", folder.fsPath, "--from-data", chosen.fsPath, "--yes"];
  if ((await lintune(session, `Writing a recipe for ${path.basename(chosen.fsPath)}`, ...words)) !== null) {
    await vscode.window.showTextDocument(vscode.Uri.joinPath(folder, "recipe.yaml"));
  }
}

async function chooseData(): Promise<vscode.Uri | undefined> {
  const found = await vscode.workspace.findFiles(DATA_SETS, NOT_THEIRS, AT_MOST);
  if (found.length === 0) {
    void vscode.window.showInformationMessage(
      "There is no data set (.jsonl) in this folder. Put one there, or begin with the example: Lintune: Open Example.",
    );
    return undefined;
  }
  const choices = found
    .map((uri) => ({ label: path.basename(uri.fsPath), description: vscode.workspace.asRelativePath(uri), uri }))
    // Those that are named so are what one trains on.
    .sort((a, b) => Number(b.label.includes("train")) - Number(a.label.includes("train")) || a.description.localeCompare(b.description));
  if (choices.length === 1) {
    return choices[0]?.uri;
  }
  const placeHolder = "The data set to train on";
  return (await vscode.window.showQuickPick(choices, { title: "New Recipe", placeHolder, matchOnDescription: true }))?.uri;
}
