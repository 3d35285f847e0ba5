// The commands that ask models.
import * as vscode from "vscode";

import { concernsLintune } from "../documents";
import type { Server } from "../session";
import { type Place, serve } from "./serving";

/** `lintune.serve`, which takes a place. */
export function registerPlayground(server: Server): vscode.Disposable[] {
  return [
    vscode.commands.registerCommand("lintune.serve", (place?: Place) => serve(server, place ?? openPlace())),
  ];
}

/** The place of what is open, when it is ours; else the server's choice. */
function openPlace(): Place {
  const document = vscode.window.activeTextEditor?.document;
  if (document && concernsLintune(document.languageId, document.fileName, () => document.getText())) {
    return { recipe: document.uri.toString() };
  }
  return {};
}
