// The item in the status bar, and the menu that a click on it opens.
import * as vscode from "vscode";

import type { Disagreement } from "./engine/agreement";
import type { Lack, Search } from "./engine/finding";
import { barText, isRunning, type Status, tooltipLines } from "./status";

/** Opens the training panel; without a path, that of the run that goes on, else of the newest. */
export const OPEN_PANEL = "lintune.openTrainingPanel";

const RUNNING = "lintune.training";
const RESUMABLE = "lintune.resumable";

/** Shows the state of the workspace's runs, or why there is no server. */
export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private status: Status | null = null;
  private trouble = "The language server is not running.";
  /** What can be done about it when there is no server. */
  private ways: readonly MenuItem[] = [];
  /** The package and the extension do not speak the same protocol. */
  disagreement: Disagreement | null = null;

  constructor(private readonly menuCommand: string) {
    this.item = vscode.window.createStatusBarItem("lintune.status", vscode.StatusBarAlignment.Left, 0);
    this.item.name = "Lintune";
    this.item.command = menuCommand;
  }

  /** What the server says. */
  show(status: Status): void {
    this.status = status;
    this.ways = [];
    this.write(barText(status, vscode.workspace.isTrusted), tooltipLines(status, vscode.workspace.isTrusted));
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

  /** The server runs, and has said nothing of any recipe so far. */
  started(): void {
    if (this.status === null) {
      this.show(NOTHING_YET);
    }
  }

  /** There is no engine. */
  missing(search: Search): void {
    if (search.engine === null) {
      const ways = search.target === null ? [CHOOSE_PYTHON] : [INSTALL, COPY_COMMAND, CHOOSE_PYTHON];
      this.problem(LACKS[search.lack], search.problem, vscode.workspace.isTrusted ? ways : [...ways, TRUST]);
    }
  }

  /** The server has crashed so often that it is no longer started by itself. */
  crashed(): void {
    this.problem("stopped", "The language server crashed five times. The output says why.", []);
    this.item.backgroundColor = new vscode.ThemeColor("statusBarItem.errorBackground");
  }

  /** Something is being installed. */
  installing(what: string): void {
    this.write("$(loading~spin) Lintune: installing", [what]);
  }

  /** Choose what to do about what the item shows. */
  async menu(): Promise<void> {
    const chosen = await vscode.window.showQuickPick([...this.ways, ...menuItems(this.status, this.disagreement)], {
      title: "Lintune",
      placeHolder: this.disagreement?.message ?? this.status?.text ?? this.trouble,
    });
    if (chosen) {
      await vscode.commands.executeCommand(chosen.command, ...(chosen.arguments ?? []));
    }
  }

  dispose(): void {
    this.item.dispose();
  }

  private problem(text: string, detail: string, ways: readonly MenuItem[]): void {
    this.forget();
    this.ways = ways;
    this.trouble = detail;
    this.write(`$(warning) Lintune: ${text}`, [detail, "Click for what you can do."]);
    this.item.backgroundColor = new vscode.ThemeColor("statusBarItem.warningBackground");
  }

  private forget(): void {
    this.status = null;
    this.item.command = this.menuCommand;
    this.ways = [];
    this.trouble = "The language server is not running.";
    this.disagreement = null;
    setContext(false, false);
  }

  private write(text: string, tooltip: string[]): void {
    this.item.text = text;
    this.item.tooltip = tooltip.join("\n");
    this.item.backgroundColor = undefined;
    this.item.show();
  }
}

const LACKS: Readonly<Record<Lack, string>> = {
  "not installed": "not installed",
  "wrong setting": "check lintune.pythonPath",
  "too old": "Python is too old",
  "no Python": "no Python",
};

const NOTHING_YET: Status = {
  state: "idle",
  text: "",
  detail: "",
  recipe: null,
  run: null,
  step: null,
  total: null,
  loss: null,
  resumable: false,
};

/** What the palette offers, and which steps of the walkthrough are done. */
function setContext(running: boolean, resumable: boolean): void {
  void vscode.commands.executeCommand("setContext", RUNNING, running);
  void vscode.commands.executeCommand("setContext", RESUMABLE, resumable);
}

interface MenuItem extends vscode.QuickPickItem {
  readonly command: string;
  readonly arguments?: readonly unknown[];
}

const INSTALL: MenuItem = { label: "$(cloud-download) Install the Python package…", command: "lintune.install" };
const COPY_COMMAND: MenuItem = { label: "$(copy) Copy the install command", command: "lintune.copyInstallCommand" };
const CHOOSE_PYTHON: MenuItem = {
  label: "$(settings-gear) Choose Python",
  command: "workbench.action.openSettings",
  arguments: ["@id:lintune.pythonPath"],
};
const TRUST: MenuItem = { label: "$(shield) Manage workspace trust", command: "workbench.trust.manage" };
const UPGRADE: MenuItem = { label: "$(arrow-up) Upgrade the Python package", command: "lintune.upgrade" };
const UPDATE: MenuItem = {
  label: "$(arrow-up) Check for updates of the extension",
  command: "workbench.extensions.action.checkForUpdates",
};

function menuItems(status: Status | null, disagreement: Disagreement | null): MenuItem[] {
  const items: MenuItem[] = [];
  if (disagreement !== null) {
    items.push(disagreement.older === "package" ? UPGRADE : UPDATE);
  }
  if (status === null) {
    // What can be done depends on why there is no server, and stands before these.
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
    items.push(TRUST);
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
  if (status === null || status.state === "idle") {
    items.push({ label: "$(book) Open the walkthrough", command: "lintune.openWalkthrough" });
  }
  items.push(
    { label: "$(output) Show output", command: "lintune.showOutput" },
    { label: "$(refresh) Restart the language server", command: "lintune.restartServer" },
  );
  return items;
}
