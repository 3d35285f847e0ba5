// Which training panels are open: one that follows the training, and one for each other run that somebody opened.
import * as vscode from "vscode";

import type { Session } from "../session";
import type { Status } from "../status";
import { OPEN_PANEL } from "../statusBar";
import { webviewOptions } from "../webview";
import { TrainingPanel, VIEW } from "./panel";

export function registerTrainingPanels(context: vscode.ExtensionContext, session: Session): vscode.Disposable[] {
  const open = new Set<TrainingPanel>();
  let status: Status | null = null;

  const add = (view: vscode.WebviewPanel, run: string | null, live: boolean) => {
    const acts = {
      train: (recipe: string) => session.command("lintune.train", recipe),
      resume: (recipe: string) => session.command("lintune.resume", recipe),
    };
    const panel = new TrainingPanel(view, context.extensionUri, session, acts, run, live);
    open.add(panel);
    panel.onDidClose(() => open.delete(panel));
    if (status !== null) {
      panel.status(status);
    }
  };

  const show = (run: string | null, column: vscode.ViewColumn, preserveFocus = false) => {
    const known = [...open].find((panel) => (run === null ? panel.live : panel.run === run));
    if (known) {
      known.reveal(preserveFocus);
      return;
    }
    const place = { viewColumn: column, preserveFocus };
    add(vscode.window.createWebviewPanel(VIEW, "Training", place, webviewOptions(context.extensionUri)), run, run === null);
  };

  return [
    vscode.commands.registerCommand(OPEN_PANEL, (run?: unknown) => {
      show(typeof run === "string" ? run : null, vscode.ViewColumn.Active);
    }),
    vscode.window.registerWebviewPanelSerializer(VIEW, {
      deserializeWebviewPanel: (view, kept: { run?: string | null; live?: boolean } | undefined) => {
        add(view, kept?.run ?? null, kept?.live ?? true);
        return Promise.resolve();
      },
    }),
    session.onNotification<Status>("lintune/status", (now) => {
      status = now;
      for (const panel of open) {
        panel.status(now);
      }
    }),
    session.onDidTrain(() => {
      if (vscode.workspace.getConfiguration("lintune").get<boolean>("openPanelOnTrain", true)) {
        show(null, vscode.ViewColumn.Beside, true);
      }
    }),
    // The tabs are left to themselves: closed with the extension, they would not come back after a reload.
  ];
}
