// The runs view: what it shows is asked anew whenever the server says that runs have changed.
import * as vscode from "vscode";

import type { Server } from "../session";
import { isRunning, type Status } from "../status";
import type { Runs } from "./figures";
import { childrenOf, itemOf, type Node } from "./nodes";

/** What the view is empty for; the welcome texts in package.json go by it. */
const EMPTY_FOR = "lintune.runs.emptyFor";
const NOTHING: Runs = { recipes: [], quantizations: [] };

export class RunsTree implements vscode.TreeDataProvider<Node> {
  readonly view: vscode.TreeView<Node>;
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly listening: vscode.Disposable;
  private runs = NOTHING;
  private training: string | null = null;
  /** Whether something has changed since `runs` was asked for. */
  private stale = true;
  private asking: Promise<void> | undefined;

  constructor(private readonly server: Server) {
    this.view = vscode.window.createTreeView("lintune.runs", {
      treeDataProvider: this,
      canSelectMany: true,
      showCollapseAll: true,
    });
    const refresh = () => {
      this.refresh();
    };
    this.listening = vscode.Disposable.from(
      this.view,
      this.changed,
      this.view.onDidChangeVisibility(({ visible }) => {
        if (visible && this.stale) {
          refresh();
        }
      }),
      server.onNotification("lintune/runsChanged", refresh),
      server.onNotification<Status>("lintune/status", (status) => {
        this.follow(status);
      }),
      server.onDidStart(refresh),
      server.onDidStop(refresh),
      vscode.workspace.onDidGrantWorkspaceTrust(refresh),
    );
  }

  /** The runs as they were last asked for. */
  get known(): Runs {
    return this.runs;
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return itemOf(node, this.runs.recipes.length === 1, this.training);
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node !== undefined) {
      return childrenOf(node);
    }
    await this.ask();
    return this.runs.recipes.map((recipe) => ({ kind: "recipe", recipe }));
  }

  getParent(node: Node): Node | undefined {
    const recipe = this.runs.recipes.find(({ runs }) => node.kind !== "recipe" && runs.some(({ path }) => path === node.run.path));
    if (node.kind === "recipe" || recipe === undefined) {
      return undefined;
    }
    return node.kind === "run" ? { kind: "recipe", recipe } : { kind: "run", recipe, run: node.run };
  }

  /** What is told of a run only when somebody looks at it. */
  async resolveTreeItem(item: vscode.TreeItem, node: Node): Promise<vscode.TreeItem> {
    if (node.kind === "run") {
      try {
        const page = await this.server.request<{ markdown: string }>("lintune/runPage", { run: node.run.path });
        item.tooltip = new vscode.MarkdownString(page.markdown);
      } catch {
        // The server has gone, which the view is about to show.
        item.tooltip = node.run.name;
      }
    }
    return item;
  }

  dispose(): void {
    this.listening.dispose();
  }

  private refresh(): void {
    this.stale = true;
    this.changed.fire(undefined);
  }

  private follow(status: Status): void {
    const training = isRunning(status) ? status.recipe : null;
    this.view.badge = training === null ? undefined : { value: 1, tooltip: `Lintune: ${status.text}` };
    if (training !== this.training) {
      this.training = training;
      this.changed.fire(undefined);
    }
  }

  /** Ask the server, unless nothing has changed since. */
  private async ask(): Promise<void> {
    while (this.stale) {
      this.asking ??= this.askNow().finally(() => (this.asking = undefined));
      await this.asking;
    }
  }

  private async askNow(): Promise<void> {
    this.stale = false;
    if (!vscode.workspace.isTrusted) {
      this.show(NOTHING, "trust");
      return;
    }
    try {
      this.show(await this.server.request<Runs>("lintune/runs", {}), "recipe");
    } catch {
      // There is no server: the status bar says why, and when one starts we ask again.
      this.show(NOTHING, "server");
    }
  }

  private show(runs: Runs, emptyFor: "trust" | "server" | "recipe"): void {
    this.runs = runs;
    void vscode.commands.executeCommand("setContext", EMPTY_FOR, emptyFor);
  }
}
