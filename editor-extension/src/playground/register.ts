// The commands that ask models.
import * as vscode from "vscode";

import { concernsLintune } from "../documents";
import type { Server } from "../session";
import type { Place, Sample } from "./messages";
import { Playground } from "./panel";
import { messageOf, serve } from "./serving";

/** `lintune.serve` and `lintune.openPlayground`, which take a place, and `lintune.openInPlayground`. */
export function registerPlayground(server: Server, extension: vscode.Uri): vscode.Disposable[] {
  const playground = new Playground(server, extension);
  const register = (name: string, run: (argument: unknown) => Promise<void>) =>
    vscode.commands.registerCommand(name, run);
  return [
    new vscode.Disposable(() => {
      playground.dispose();
    }),
    register("lintune.serve", (place) => serve(server, (place as Place | undefined) ?? openPlace())),
    register("lintune.openPlayground", (place) => playground.open((place as Place | undefined) ?? openPlace())),
    register("lintune.openInPlayground", () => openSample(server, playground)),
  ];
}

/** The sample under the cursor. */
async function openSample(server: Server, playground: Playground): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) {
    return;
  }
  const where = { uri: editor.document.uri.toString(), line: editor.selection.active.line };
  try {
    const sample = await server.request<Sample>("lintune/conversation", where);
    await playground.open({ recipe: sample.recipe }, sample);
  } catch (error) {
    void vscode.window.showErrorMessage(messageOf(error));
  }
}

/** The place of what is open, when it is ours; else the server's choice. */
function openPlace(): Place {
  const document = vscode.window.activeTextEditor?.document;
  if (document && concernsLintune(document.languageId, document.fileName, () => document.getText())) {
    return { recipe: document.uri.toString() };
  }
  return {};
}
