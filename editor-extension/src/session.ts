// The language server of a window: looked for, started, started anew, stopped.
import { setTimeout } from "node:timers/promises";

import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

import { disagreement } from "./engine/agreement";
import { Crashes } from "./engine/crashes";
import type { Search } from "./engine/finding";
import { offerEngine, offerRestart, offerTraining, offerUpgrade } from "./engine/offers";
import type { Status } from "./status";
import { StatusBar } from "./statusBar";

/** The command behind the item in the status bar. */
export const MENU = "lintune.showMenu";

const SHOW_OUTPUT = "Show Output";
/** Between two looks for the package while the user installs it by hand; a look takes tens of milliseconds. */
const LOOK_EVERY_MS = 3_000;
const LOOK_FOR_MS = 30 * 60 * 1_000;
/** What the palette offers, and which steps of the walkthrough are done. */
export const INSTALLED = "lintune.installed";
const ASKED = "lintune.asked";

/** The server as features see it: it may be started anew at any time. */
export interface Server {
  /** Ask it, once it runs. Rejects when there is none, or when it says what is wrong. */
  request<R>(method: string, params: object): Promise<R>;
  /** Tell it something, if it runs. Whoever must be sure tells it again when it was started. */
  notify(method: string, params: object): Promise<void>;
  /** Hear what it says, whichever process says it. */
  onNotification<P>(method: string, handler: (params: P) => void): vscode.Disposable;
  /** It was started, or started anew: what was asked before may be another now. */
  readonly onDidStart: vscode.Event<void>;
  /** It has stopped; perhaps it starts again by itself. */
  readonly onDidStop: vscode.Event<void>;
}

/** One server for the window, started when something concerns it. */
export class Session implements Server, vscode.Disposable {
  readonly output = vscode.window.createOutputChannel("Lintune", { log: true });
  readonly statusBar = new StatusBar(MENU);
  private readonly startedEmitter = new vscode.EventEmitter<void>();
  readonly onDidStart = this.startedEmitter.event;
  private readonly stoppedEmitter = new vscode.EventEmitter<void>();
  readonly onDidStop = this.stoppedEmitter.event;
  private readonly trainedEmitter = new vscode.EventEmitter<void>();
  /** A person had a training started; a save that starts one is none. */
  readonly onDidTrain = this.trainedEmitter.event;
  private readonly heard = new Map<string, Set<(params: unknown) => void>>();
  private client: LanguageClient | undefined;
  /** What the client runs. */
  private running: string | undefined;
  private readonly crashes = new Crashes();
  /** The client whose server was last seen to be gone. */
  private lost: LanguageClient | undefined;
  /** Disagreements about the protocol that were said. */
  private readonly said = new Set<string>();
  private watching = false;
  /** Starts and stops happen one after the other. */
  private turn: Promise<void> = Promise.resolve();
  private begun = false;

  /** `lookForEngine`: looks for Lintune where this window lets it. */
  constructor(private readonly lookForEngine: () => Promise<Search>) {
    this.onNotification<Status>("lintune/status", (status) => {
      this.statusBar.show(status);
    });
  }

  /** Start the server, unless that was tried before. */
  start(): Promise<void> {
    if (this.begun) {
      return this.turn;
    }
    this.begun = true;
    return this.inTurn(() => this.launch());
  }

  /** Look for Python again and start the server anew. */
  restart(): Promise<void> {
    this.begun = true;
    this.crashes.forget();
    return this.inTurn(async () => {
      await this.end();
      await this.launch();
    });
  }

  /** A setting or an environment changed: another Python may be the one to run. */
  engineChanged(): Promise<void> {
    return this.inTurn(() => this.follow());
  }

  /** The engine may have come by itself: when it is there now, the server starts. Shows no message when it is not. */
  async lookAgain(): Promise<void> {
    if (!this.begun || this.client !== undefined) {
      return;
    }
    const found = await this.look();
    if (found.engine === null) {
      this.statusBar.missing(found);
    } else {
      await this.engineChanged();
    }
  }

  /** Look again and again while the user installs Lintune by hand. */
  watchForEngine(): void {
    if (this.watching) {
      return;
    }
    this.watching = true;
    const end = Date.now() + LOOK_FOR_MS;
    void (async () => {
      while (this.client === undefined && Date.now() < end) {
        await setTimeout(LOOK_EVERY_MS);
        await this.lookAgain();
      }
      this.watching = false;
    })();
  }

  /** Look for the engine, and have the palette and the walkthrough know of it. */
  async look(): Promise<Search> {
    const found = await this.lookForEngine();
    void vscode.commands.executeCommand("setContext", INSTALLED, found.engine !== null);
    return found;
  }

  /** Whether there is what trains; when there is not, it is offered to install it. */
  async offersTraining(): Promise<boolean> {
    const { engine } = await this.look();
    if (engine?.python?.facts.train !== false) {
      return true;
    }
    await offerTraining();
    return false;
  }

  /** Say that there is no engine, and offer the ways out. */
  async offer(search: Search): Promise<void> {
    if (search.engine === null) {
      await offerEngine(search);
    }
  }

  /** The user trusts the workspace. Its `.venv`, which did not count so far, may be the Python to run. */
  trusted(): Promise<void> {
    return this.inTurn(async () => {
      await this.follow();
      await this.notify("lintune/trust", { trusted: true });
    });
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.end());
  }

  /** Run one of the server's commands, which the client has registered under the same name. */
  async command(name: string, ...args: unknown[]): Promise<void> {
    await this.start();
    if (this.client?.isRunning()) {
      await vscode.commands.executeCommand(name, ...args);
      return;
    }
    const problem = "Lintune's language server is not running. The output says why.";
    if ((await vscode.window.showWarningMessage(problem, SHOW_OUTPUT)) === SHOW_OUTPUT) {
      this.output.show();
    }
  }

  async request<R>(method: string, params: object): Promise<R> {
    await this.start();
    if (!this.client?.isRunning()) {
      throw new Error("Lintune's language server is not running. The output says why.");
    }
    return this.client.sendRequest<R>(method, params);
  }

  async notify(method: string, params: object): Promise<void> {
    if (this.client?.isRunning()) {
      await this.client.sendNotification(method, params);
    }
  }

  onNotification<P>(method: string, handler: (params: P) => void): vscode.Disposable {
    const handlers = this.heard.get(method) ?? new Set();
    if (!this.heard.has(method)) {
      this.heard.set(method, handlers);
      this.listen(method);
    }
    const hear = (params: unknown) => {
      handler(params as P);
    };
    handlers.add(hear);
    return new vscode.Disposable(() => handlers.delete(hear));
  }

  /** The output stays until the process of the extensions ends: the client writes there when the server's has ended. */
  dispose(): void {
    this.startedEmitter.dispose();
    this.stoppedEmitter.dispose();
    this.trainedEmitter.dispose();
    this.statusBar.dispose();
  }

  private async launch(): Promise<void> {
    this.statusBar.starting();
    const [found, { createClient }] = await Promise.all([this.look(), import("./client")]);
    if (found.engine === null) {
      this.output.error(found.problem);
      this.statusBar.missing(found);
      this.stoppedEmitter.fire();
      void this.offer(found);
      return;
    }
    const { engine } = found;
    this.output.info(`Starting ${engine.command} ${engine.args.join(" ")} server (from the ${engine.origin}).`);
    const client: LanguageClient = createClient(engine, this.output, {
      onAnswer: (uri, line) => {
        void vscode.commands.executeCommand("setContext", ASKED, true);
        void showHover(vscode.Uri.parse(uri), line);
      },
      onTrain: () => {
        this.trainedEmitter.fire();
      },
      onRunning: () => {
        if (this.client === client) {
          this.statusBar.started();
          this.agree(client, engine.python !== null);
          this.startedEmitter.fire();
        }
      },
      onClosed: () => {
        this.closed(client);
      },
    });
    this.client = client;
    for (const method of this.heard.keys()) {
      this.listen(method);
    }
    this.running = engine.command;
    try {
      await client.start();
    } catch (error) {
      this.output.error(error instanceof Error ? error : String(error));
      this.closed(client);
    }
  }

  /** The server is gone, or never came, and nobody asked it to leave. */
  private closed(client: LanguageClient): void {
    if (this.client !== client || this.lost === client) {
      return;
    }
    this.lost = client;
    this.stoppedEmitter.fire();
    const again = this.crashes.count();
    this.output.error(`The language server crashed.${again ? " It is started again." : ""}`);
    if (again) {
      // Not the client itself: the Python may be gone, and then another one is to be looked for.
      void this.inTurn(async () => {
        if (this.client === client) {
          await this.end();
          await this.launch();
        }
      });
      return;
    }
    this.statusBar.crashed();
    void offerRestart(this.output);
  }

  /** Whether the server speaks our protocol; once a session, and for each version, it is said when it does not. */
  private agree(client: LanguageClient, upgradable: boolean): void {
    const found = client.initializeResult ? disagreement(client.initializeResult) : null;
    this.statusBar.disagreement = found;
    if (found !== null && !this.said.has(found.message)) {
      this.said.add(found.message);
      this.output.warn(found.message);
      void offerUpgrade(found, upgradable);
    }
  }

  /** Start anew when the search now finds another engine than the one that runs, or none. */
  private async follow(): Promise<void> {
    if (this.begun && !(this.client?.isRunning() && (await this.look()).engine?.command === this.running)) {
      await this.end();
      await this.launch();
    }
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.stoppedEmitter.fire();
    if (client?.needsStop()) {
      try {
        await client.dispose();
      } catch (error) {
        // It has crashed, or is too busy to answer. Its process is ended in any case.
        this.output.warn(String(error));
      }
    }
  }

  private listen(method: string): void {
    this.client?.onNotification(method, (params: unknown) => {
      for (const handler of this.heard.get(method) ?? []) {
        handler(params);
      }
    });
  }

  private inTurn(action: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(action, action);
    return this.turn;
  }
}

/** Put the cursor on a line and show its hover there, where the answer is now. */
async function showHover(uri: vscode.Uri, line: number): Promise<void> {
  const place = new vscode.Position(line, 0);
  await vscode.window.showTextDocument(uri, { selection: new vscode.Range(place, place) });
  await vscode.commands.executeCommand("editor.action.showHover", { focus: "noAutoFocus" });
}
