// The item in the status bar, and the menu that a click on it opens.
import * as vscode from "vscode";

import { barText, isRunning, type Status, tooltipLines } from "./status";

/** Opens the training panel; without a path, that of the run that goes on, else of the newest. */
export const OPEN_PANEL = "lintune.openTrainingPanel";

const RUNNING = "lintune.training";
const RESUMABLE = "lintune.resumable";

/** Shows the state of the workspace's runs, or why there is no server. */
export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private status: Status | null = null;

  constructor(private readonly menuCommand: string) {
    this.item = vscode.window.createStatusBarItem("lintune.status", vscode.StatusBarAlignment.Left, 0);
    this.item.name = "Lintune";
    this.item.command = menuCommand;
  }

  /** What the server says. */
  show(status: Status): void {
    this.status = status;
    this.write(barText(status), tooltipLines(status));
    if (status.state === "failed") {
      this.item.backgroundColor = new vscode.ThemeColor("statusBarItem.warningBackground");
    }
    // While something trains, a click shows it; the panel has the buttons to stop it.
    this.item.command = isRunning(status) ? OPEN_PANEL : this.menuCommand;
    setContext(isRunning(status), status.resumable);
  }

  /** The server is being started. */
  starting(): void {
    this.forget();
    this.write("$(loading~spin) Lintune", ["The language server is being started."]);
  }

  /** There is no server. */
  problem(text: string, detail: string): void {
    this.forget();
    this.write(`$(warning) Lintune: ${text}`, [detail]);
    this.item.backgroundColor = new vscode.ThemeColor("statusBarItem.warningBackground");
  }

  /** Choose what to do about what the item shows. */
  async menu(): Promise<void> {
    const chosen = await vscode.window.showQuickPick(menuItems(this.status), {
      title: "Lintune",
      placeHolder: this.status?.text ?? "The language server is not running.",
    });
    if (chosen) {
      await vscode.commands.executeCommand(chosen.command, ...(chosen.arguments ?? []));
    }
  }

  dispose(): void {
    this.item.dispose();
  }

  private forget(): void {
    this.status = null;
    this.item.command = this.menuCommand;
    setContext(false, false);
  }

  private write(text: string, tooltip: string[]): void {
    this.item.text = text;
    this.item.tooltip = tooltip.join("\n");
    this.item.backgroundColor = undefined;
    this.item.show();
  }
}

/** What the palette offers. */
function setContext(running: boolean, resumable: boolean): void {
  void vscode.commands.executeCommand("setContext", RUNNING, running);
  void vscode.commands.executeCommand("setContext", RESUMABLE, resumable);
}

interface MenuItem extends vscode.QuickPickItem {
  readonly command: string;
  readonly arguments?: readonly unknown[];
}

function menuItems(status: Status | null): MenuItem[] {
  const items: MenuItem[] = [];
  if (status === null) {
    items.push({ label: "$(cloud-download) Install the Python package", command: "lintune.install" });
  } else if (isRunning(status)) {
    items.push(
      { label: "$(debug-stop) Stop training", command: "lintune.stopTraining" },
      { label: "$(debug-pause) Pause training", command: "lintune.pauseTraining" },
    );
  } else if (vscode.workspace.isTrusted) {
    if (status.resumable) {
      items.push({ label: "$(debug-continue) Resume training", command: "lintune.resumeTraining" });
    }
    items.push({ label: "$(play) Train", command: "lintune.trainRecipe" });
    if (status.state === "paused") {
      items.push({ label: "$(debug-stop) Give up the paused training", command: "lintune.stopTraining" });
    }
  } else {
    items.push({ label: "$(shield) Trust this workspace", command: "workbench.trust.manage" });
  }
  if (status !== null && status.state !== "idle") {
    items.push({ label: "$(graph-line) Open the training panel", command: OPEN_PANEL });
  }
  if (status?.recipe) {
    const recipe = vscode.Uri.parse(status.recipe);
    items.push({ label: "$(file) Open the recipe", command: "vscode.open", arguments: [recipe] });
  }
  if (status?.state === "ready" && status.run !== null) {
    const card = vscode.Uri.joinPath(vscode.Uri.file(status.run), "README.md");
    const label = "$(book) Open the tuned model's card";
    items.push({ label, command: "markdown.showPreview", arguments: [card] });
  }
  items.push(
    { label: "$(output) Show output", command: "lintune.showOutput" },
    { label: "$(refresh) Restart the language server", command: "lintune.restartServer" },
  );
  return items;
}
