// The extension: what starts the server, and the commands. Everything clever lives in the server.
import * as vscode from "vscode";

import { concernsLintune, RECIPE_FILES } from "./documents";
import { registerMarks } from "./marks/register";
import { registerTrainingPanels } from "./panel/register";
import { registerPlayground } from "./playground/register";
import { registerRuns } from "./runs/register";
import { MENU, Session } from "./session";

let session: Session | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const begun = new Session();
  session = begun;
  context.subscriptions.push(
    begun,
    ...registerCommands(begun),
    ...listen(begun),
    ...registerPlayground(begun, context.extensionUri),
    ...registerMarks(begun, context.extensionUri),
    ...registerTrainingPanels(context, begun),
    ...registerRuns(begun),
  );
  const open = vscode.workspace.textDocuments.some(isOurs);
  if (open || (await vscode.workspace.findFiles(RECIPE_FILES, "**/node_modules/**", 1)).length > 0) {
    await begun.start();
  }
}

export async function deactivate(): Promise<void> {
  await session?.stop();
}

function registerCommands(session: Session): vscode.Disposable[] {
  const register = (name: string, run: () => unknown) => vscode.commands.registerCommand(name, run);
  return [
    register("lintune.trainRecipe", () => session.command("lintune.train", ...openRecipe())),
    register("lintune.stopTraining", () => session.command("lintune.stop")),
    register("lintune.pauseTraining", () => session.command("lintune.pause")),
    register("lintune.resumeTraining", () => session.command("lintune.resume", ...openRecipe())),
    register("lintune.askTunedModel", async () => {
      const editor = vscode.window.activeTextEditor;
      if (editor) {
        await session.command("lintune.ask", editor.document.uri.toString(), editor.selection.active.line);
      }
    }),
    register("lintune.showOutput", () => {
      session.output.show();
    }),
    register("lintune.restartServer", () => session.restart()),
    register("lintune.install", () => session.install()),
    register(MENU, () => session.statusBar.menu()),
  ];
}

function listen(session: Session): vscode.Disposable[] {
  return [
    vscode.workspace.onDidOpenTextDocument((document) => isOurs(document) && session.start()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => session.trusted()),
    vscode.workspace.onDidChangeConfiguration(
      (change) => change.affectsConfiguration("lintune.pythonPath") && session.settingChanged(),
    ),
  ];
}

/** The URI of what is open, when its recipe is the one that is meant. */
function openRecipe(): string[] {
  const document = vscode.window.activeTextEditor?.document;
  return document && isOurs(document) ? [document.uri.toString()] : [];
}

function isOurs(document: vscode.TextDocument): boolean {
  return concernsLintune(document.languageId, document.fileName, () => document.getText());
}
