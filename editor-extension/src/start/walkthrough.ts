// The walkthrough's own commands. Its steps are in package.json, and are done when their contexts say so.
import * as vscode from "vscode";

import type { Status } from "../status";
import { INSTALLED, type Server, type Session } from "../session";
import { NOT_THEIRS, RECIPE_FILES } from "../documents";

const WALKTHROUGH = "lintune.lintune#lintune.start";
const FIX_ALL = "source.fixAll.lintune";
/** Whether there is a recipe in the workspace, and a model that was tuned. */
const HAS_RECIPE = "lintune.hasRecipe";
const HAS_MODEL = "lintune.hasModel";

/** Open the walkthrough. */
export async function openWalkthrough(session: Session): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.openWalkthrough", WALKTHROUGH, false);
  // It hears only of what changes from now on: steps that were done before would not be ticked.
  for (const key of [INSTALLED, HAS_RECIPE]) {
    await vscode.commands.executeCommand("setContext", key, false);
  }
  await Promise.all([session.look(), lookForRecipe()]);
}

/** Make all safe fixes in the file at hand. In the walkthrough, which is no file: in the example's broken one. */
export async function fixAll(session: Session): Promise<void> {
  const editor = vscode.window.activeTextEditor ?? (await openBroken());
  if (editor === undefined) {
    void vscode.window.showInformationMessage("Open a data set first, or the example: Lintune: Open Example.");
    return;
  }
  // It may just be started anew.
  await session.start();
  const { uri, lineCount } = editor.document;
  const all = editor.document.validateRange(new vscode.Range(0, 0, lineCount, 0));
  const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
    "vscode.executeCodeActionProvider",
    uri,
    all,
    FIX_ALL,
    1,
  );
  const edit = actions.find((action) => action.edit !== undefined)?.edit;
  if (edit === undefined) {
    void vscode.window.showInformationMessage("There is nothing here that Lintune can fix safely.");
  } else {
    await vscode.workspace.applyEdit(edit);
  }
}

/** The file of the example that is broken on purpose. */
async function openBroken(): Promise<vscode.TextEditor | undefined> {
  const [broken] = await vscode.workspace.findFiles("**/broken.jsonl", NOT_THEIRS, 1);
  return broken && vscode.window.showTextDocument(broken);
}

/** Show what the tuned model says: the hover of the first sample to evaluate with, which it was not trained on. */
export async function showAnswer(): Promise<void> {
  const [held] = await vscode.workspace.findFiles("**/{eval,valid,dev,test}*.jsonl", NOT_THEIRS, 1);
  const active = vscode.window.activeTextEditor?.document;
  const uri = held ?? (active?.languageId === "jsonl" ? active.uri : undefined);
  if (uri === undefined) {
    void vscode.window.showInformationMessage("Open a data set, and rest the pointer on one of its samples.");
    return;
  }
  const start = new vscode.Position(0, 0);
  await vscode.window.showTextDocument(uri, { selection: new vscode.Range(start, start), preview: false });
  await vscode.commands.executeCommand("lintune.ask", uri.toString(), 0);
}

async function lookForRecipe(): Promise<void> {
  const found = await vscode.workspace.findFiles(RECIPE_FILES, NOT_THEIRS, 1);
  await vscode.commands.executeCommand("setContext", HAS_RECIPE, found.length > 0);
}

/** Have the steps know what there is. */
export function followSteps(server: Server): vscode.Disposable[] {
  const watcher = vscode.workspace.createFileSystemWatcher(RECIPE_FILES, false, true, false);
  void lookForRecipe();
  return [
    watcher,
    watcher.onDidCreate(lookForRecipe),
    watcher.onDidDelete(lookForRecipe),
    server.onNotification<Status>("lintune/status", ({ state }) => {
      void vscode.commands.executeCommand("setContext", HAS_MODEL, state === "ready");
    }),
  ];
}
