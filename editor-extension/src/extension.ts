// The extension: what starts the server, and the commands. Everything clever lives in the server.
import * as vscode from "vscode";

import { concernsLintune, RECIPE_FILES } from "./documents";
import { MENU, Session } from "./session";

let session: Session | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const begun = new Session();
  session = begun;
  context.subscriptions.push(begun, ...registerCommands(begun), ...listen(begun));
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
    register("lintune.trainRecipe", () => {
      const document = vscode.window.activeTextEditor?.document;
      const uris = document && isOurs(document) ? [document.uri.toString()] : [];
      return session.command("lintune.train", ...uris);
    }),
    register("lintune.stopTraining", () => session.command("lintune.stop")),
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

function isOurs(document: vscode.TextDocument): boolean {
  return concernsLintune(document.languageId, document.fileName, () => document.getText());
}
