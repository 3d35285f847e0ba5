// The extension: what starts the server, and the commands. Everything clever lives in the server.
import * as vscode from "vscode";

import { concernsLintune, NOT_THEIRS, RECIPE_FILES } from "./documents";
import { explainRestrictions, followEngine } from "./engine/following";
import { registerInstaller } from "./engine/installing";
import { look } from "./engine/look";
import { registerLargeFiles } from "./largeFiles";
import { registerMarks } from "./marks/register";
import { registerTrainingPanels } from "./panel/register";
import { registerPlayground } from "./playground/register";
import { registerRuns } from "./runs/register";
import { registerSampleEditor } from "./sample/register";
import { MENU, Session } from "./session";
import { registerStart } from "./start/register";

let session: Session | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const begun = new Session(() => look(context.globalStorageUri));
  session = begun;
  const [installer, ...installs] = registerInstaller(begun, context.globalStorageUri);
  context.subscriptions.push(
    begun,
    installer,
    ...installs,
    ...registerCommands(begun),
    ...followEngine(begun),
    ...registerStart(begun, installer),
    vscode.workspace.onDidOpenTextDocument((document) => isOurs(document) && begun.start()),
    ...registerPlayground(begun, context.extensionUri),
    ...registerMarks(begun, context.extensionUri),
    ...registerTrainingPanels(context, begun),
    ...registerRuns(begun),
    ...registerLargeFiles(context, begun),
    ...registerSampleEditor(context, begun),
  );
  // VS Code shows how long an extension takes to activate, and other extensions wait: the server starts meanwhile.
  void startWhenNeeded(begun, context.workspaceState);
}

async function startWhenNeeded(session: Session, state: vscode.Memento): Promise<void> {
  const open = vscode.workspace.textDocuments.some(isOurs);
  if (open || (await vscode.workspace.findFiles(RECIPE_FILES, NOT_THEIRS, 1)).length > 0) {
    void explainRestrictions(state);
    await session.start();
  }
}

export async function deactivate(): Promise<void> {
  await session?.stop();
}

function registerCommands(session: Session): vscode.Disposable[] {
  const register = (name: string, run: (item?: unknown) => unknown) => vscode.commands.registerCommand(name, run);
  return [
    register("lintune.trainRecipe", async (item) => {
      if (await session.offersTraining()) {
        await session.command("lintune.train", ...(item instanceof vscode.Uri ? [item.toString()] : openRecipe()));
      }
    }),
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
    register(MENU, () => session.statusBar.menu()),
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
