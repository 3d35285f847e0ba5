// The training panel: an editor tab that shows a run while it happens, or afterwards.
import * as path from "node:path";

import * as vscode from "vscode";

import type { Server } from "../session";
import { isRunning, type Status } from "../status";
import { pageOf, webviewOptions } from "../webview";
import { runTime } from "./format";
import type { Action, Answers, EventsPage, FromPage, Situation, ToPage } from "./messages";

export const VIEW = "lintune.training";

/** What is to be done for a button of the page. */
export interface Acts {
  train(recipe: string): unknown;
  resume(recipe: string): unknown;
}

/** One tab. Lives until it is closed. */
export class TrainingPanel implements vscode.Disposable {
  private readonly closed = new vscode.EventEmitter<void>();
  readonly onDidClose = this.closed.event;
  private readonly toDispose: vscode.Disposable[] = [];
  private situation: Situation;
  /** The byte of the record at which to read on. */
  private next = 0;
  /** A page is there and has asked for what there is. */
  private ready = false;
  private reading = false;
  private again = false;
  private answering = false;
  private moreAnswers = false;
  private ask = false;

  /** run: a path; null until there is one. live: it shows the run that goes on, and the next one, too. */
  constructor(
    private readonly panel: vscode.WebviewPanel,
    extension: vscode.Uri,
    private readonly server: Server,
    private readonly acts: Acts,
    run: string | null,
    readonly live: boolean,
  ) {
    this.situation = {
      run,
      live,
      state: "waiting",
      resumable: false,
      recipe: null,
      trusted: vscode.workspace.isTrusted,
      problem: null,
      status: "",
    };
    panel.iconPath = iconIn(extension);
    panel.webview.options = webviewOptions(extension);
    this.toDispose.push(
      panel.onDidDispose(() => {
        this.dispose();
      }),
      panel.webview.onDidReceiveMessage((message: FromPage) => {
        void this.hear(message);
      }),
      panel.onDidChangeViewState(() => {
        // A page that is not seen is thrown away; when it is seen again it asks anew.
        this.ready &&= panel.visible;
      }),
      server.onNotification<{ run: string }>("lintune/runChanged", (changed) => {
        if (changed.run === this.run) {
          void this.read();
        }
      }),
      server.onNotification<{ run: string }>("lintune/answersChanged", (changed) => {
        if (changed.run === this.run) {
          void this.readAnswers();
        }
      }),
      server.onDidStart(() => {
        this.say({ problem: null });
        void this.begin();
      }),
      server.onDidStop(() => {
        this.say({ problem: "The language server is not running, so nothing new is heard of this run." });
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        this.say({ trusted: true });
      }),
    );
    this.name();
    panel.webview.html = pageOf(panel.webview, extension, "training", "Training");
  }

  get run(): string | null {
    return this.situation.run;
  }

  reveal(preserveFocus: boolean): void {
    this.panel.reveal(undefined, preserveFocus);
  }

  /** The server tells of the training that goes on, or that none does. */
  status(status: Status): void {
    if (!this.live) {
      return;
    }
    const run = isRunning(status) ? status.run : null;
    if (run !== null && run !== this.run) {
      this.follow(run);
    } else if (this.run === null) {
      this.say({
        state: isRunning(status) ? "waiting" : "none",
        status: status.detail || status.text,
        recipe: status.recipe,
      });
    }
  }

  dispose(): void {
    this.closed.fire();
    this.closed.dispose();
    vscode.Disposable.from(...this.toDispose).dispose();
    this.panel.dispose();
  }

  /** Show another run. */
  private follow(run: string): void {
    this.next = 0;
    this.say({ run, state: "waiting", resumable: false, status: "" });
    this.name();
    void this.read();
    void this.readAnswers();
  }

  private name(): void {
    const { run, recipe } = this.situation;
    const folder = recipe ? vscode.Uri.parse(recipe).path : run ? path.join(run, "..", "..", "..", "recipe") : null;
    const where = folder === null ? "" : path.basename(path.dirname(folder));
    this.panel.title = this.live || run === null ? `Training ${where}`.trim() : `${where}, ${runTime(run)}`;
  }

  private async hear(message: FromPage): Promise<void> {
    switch (message.kind) {
      case "ready":
        this.ready = true;
        this.next = 0;
        this.say({});
        await this.begin();
        break;
      case "action":
        await this.act(message.action);
        break;
      case "answers":
        await this.readAnswers();
        break;
      case "sample":
        await this.openSample(message.path, message.line);
        break;
    }
  }

  /** Find out which run it is, where that is not known, and read it. */
  private async begin(): Promise<void> {
    if (this.run === null) {
      try {
        const found = await this.server.request<{ run: string | null; training: boolean }>("lintune/currentRun", {});
        if (found.run === null) {
          this.say({ state: found.training ? "waiting" : "none", problem: null });
        } else {
          this.follow(found.run);
        }
      } catch (error) {
        this.say({ problem: messageOf(error) });
      }
      return;
    }
    await Promise.all([this.read(), this.readAnswers()]);
  }

  /** Read on in the record. One reading at a time; what is asked for meanwhile is read after it. */
  private async read(): Promise<void> {
    this.again = true;
    if (this.reading) {
      return;
    }
    this.reading = true;
    try {
      while (this.again && this.ready) {
        this.again = false;
        await this.readPage();
      }
    } catch (error) {
      this.say({ problem: messageOf(error) });
    } finally {
      this.reading = false;
    }
  }

  private async readPage(): Promise<void> {
    const { run, next } = { run: this.run, next: this.next };
    if (run === null) {
      return;
    }
    const page = await this.server.request<EventsPage>("lintune/events", { run, after: next });
    if (run !== this.run || next !== this.next) {
      this.again = true; // another run by now, or a page that begins anew
      return;
    }
    if (page.state !== "gone") {
      this.next = page.next;
      this.post({ kind: "events", lines: page.lines, anew: page.after === 0, more: page.more });
    }
    this.again ||= page.more;
    const recipe = page.recipe ?? this.situation.recipe;
    this.say({ state: page.state, resumable: page.resumable, recipe, problem: null });
    this.name();
  }

  /** What is told while answers are read makes them be read again. */
  private async readAnswers(ask = false): Promise<void> {
    this.moreAnswers = true;
    this.ask ||= ask;
    if (this.answering) {
      return;
    }
    this.answering = true;
    while (this.moreAnswers && this.ready && this.run !== null) {
      this.moreAnswers = false;
      const params = { run: this.run, ask: this.ask };
      this.ask = false;
      const answers = await this.server.request<Answers>("lintune/answers", params).catch(failed);
      if (params.run === this.run) {
        this.post({ kind: "answers", answers });
      }
    }
    this.answering = false;
  }

  private async act(action: Action): Promise<void> {
    const { recipe, run } = this.situation;
    const command = COMMANDS[action];
    if (command !== undefined) {
      await vscode.commands.executeCommand(command);
    } else if (action === "ask") {
      await this.readAnswers(true);
    } else if (action === "train" && recipe !== null) {
      await this.acts.train(recipe);
    } else if (action === "resume" && recipe !== null) {
      await this.acts.resume(recipe);
    } else if (action === "recipe" && recipe !== null) {
      await vscode.window.showTextDocument(vscode.Uri.parse(recipe), { viewColumn: vscode.ViewColumn.One });
    } else if (action === "card" && run !== null) {
      await vscode.commands.executeCommand("markdown.showPreview", vscode.Uri.file(path.join(run, "README.md")));
    }
  }

  /** file: a URI, or a path as the recipe names it. */
  private async openSample(file: string, line: number): Promise<void> {
    const { recipe } = this.situation;
    const uri = file.startsWith("file:")
      ? vscode.Uri.parse(file)
      : path.isAbsolute(file) || recipe === null
        ? vscode.Uri.file(file)
        : vscode.Uri.joinPath(vscode.Uri.parse(recipe), "..", file);
    const place = new vscode.Position(line, 0);
    try {
      await vscode.window.showTextDocument(uri, {
        selection: new vscode.Range(place, place),
        viewColumn: vscode.ViewColumn.One,
      });
    } catch {
      void vscode.window.showErrorMessage(`${uri.fsPath} could not be opened: it was moved or deleted since.`);
    }
  }

  private say(change: Partial<Situation>): void {
    this.situation = { ...this.situation, ...change };
    this.post({ kind: "situation", situation: this.situation });
  }

  private post(message: ToPage): void {
    if (this.ready) {
      void this.panel.webview.postMessage(message);
    }
  }
}

const COMMANDS: Partial<Readonly<Record<Action, string>>> = {
  stop: "lintune.stopTraining",
  pause: "lintune.pauseTraining",
  output: "lintune.showOutput",
  restart: "lintune.restartServer",
  trust: "workbench.trust.manage",
};

function iconIn(extension: vscode.Uri): { light: vscode.Uri; dark: vscode.Uri } {
  const file = (kind: string) => vscode.Uri.joinPath(extension, "images", `curve-${kind}.svg`);
  return { light: file("light"), dark: file("dark") };
}

function failed(error: unknown): Answers {
  return { samples: [], canAsk: false, asking: false, problem: messageOf(error) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
