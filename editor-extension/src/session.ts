// The language server of a window: looked for, started, started anew, stopped.
import { setTimeout } from "node:timers/promises";

import * as vscode from "vscode";
import { type LanguageClient, State } from "vscode-languageclient/node";

import { createClient, grantTrust } from "./client";
import { offerInstall, openInstallTerminal } from "./install";
import { expand, installCommand, type InstallTarget, search, type Search } from "./python";
import type { Status } from "./status";
import { StatusBar } from "./statusBar";

/** The command behind the item in the status bar. */
export const MENU = "lintune.showMenu";

const SHOW_OUTPUT = "Show Output";
/** Between two looks for the package while the user installs it; a look takes tens of milliseconds. */
const LOOK_EVERY_MS = 3_000;

/** The server as features see it: it may be started anew at any time. */
export interface Server {
  /** Ask it, once it runs. Rejects when there is none, or when it says what is wrong. */
  request<R>(method: string, params: object): Promise<R>;
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
  /** A Python to install Lintune into, when the last search found none that has it. */
  private installInto: InstallTarget | null = null;
  /** Starts and stops happen one after the other. */
  private turn: Promise<void> = Promise.resolve();
  private begun = false;

  constructor() {
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
    return this.inTurn(async () => {
      await this.end();
      await this.launch();
    });
  }

  /** The setting changed: another Python may be the one to run. */
  settingChanged(): Promise<void> {
    return this.inTurn(() => this.follow());
  }

  /** The user trusts the workspace. Its `.venv`, which did not count so far, may be the Python to run. */
  trusted(): Promise<void> {
    return this.inTurn(async () => {
      await this.follow();
      if (this.client?.isRunning()) {
        await grantTrust(this.client);
      }
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

  /** Type the install command into a terminal. When the package is there, the server starts. */
  async install(): Promise<void> {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    const terminal = await openInstallTerminal(installCommand(this.installInto, folder));
    while (this.client === undefined && terminal.exitStatus === undefined) {
      await setTimeout(LOOK_EVERY_MS);
      if ((await look()).found !== null) {
        await this.restart();
      }
    }
  }

  dispose(): void {
    this.startedEmitter.dispose();
    this.stoppedEmitter.dispose();
    this.trainedEmitter.dispose();
    this.statusBar.dispose();
    this.output.dispose();
  }

  private async launch(): Promise<void> {
    this.statusBar.starting();
    const result = await look();
    if (result.found === null) {
      this.installInto = result.installInto;
      this.output.error(result.problem);
      this.statusBar.problem("not installed", result.problem);
      this.stoppedEmitter.fire();
      void offerInstall(result.problem, result.installInto !== null);
      return;
    }
    const { command, args } = result.found;
    this.output.info(`Starting ${command} ${args.join(" ")} (from the ${result.origin}).`);
    const onAnswer = (uri: string, line: number) => void showHover(vscode.Uri.parse(uri), line);
    const onTrain = () => {
      this.trainedEmitter.fire();
    };
    const client = createClient(result.found, this.output, onAnswer, onTrain);
    client.onDidChangeState(({ newState }) => {
      // The client starts a server that died again, until it has died too often.
      if (newState === State.Stopped && this.client === client) {
        this.statusBar.problem("stopped", "The language server has stopped. The output says why.");
        this.stoppedEmitter.fire();
      } else if (newState === State.Running && this.client === client) {
        this.startedEmitter.fire();
      }
    });
    this.client = client;
    for (const method of this.heard.keys()) {
      this.listen(method);
    }
    this.running = command;
    try {
      await client.start();
    } catch (error) {
      this.output.error(error instanceof Error ? error : String(error));
      this.statusBar.problem("not running", "The language server could not be started. The output says why.");
      this.stoppedEmitter.fire();
    }
  }

  /** Start anew when the search now finds another server than the one that runs. */
  private async follow(): Promise<void> {
    if (this.begun && !(this.client?.isRunning() && (await look()).found?.command === this.running)) {
      await this.end();
      await this.launch();
    }
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.stoppedEmitter.fire();
    if (client?.needsStop()) {
      await client.dispose();
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

/** Look for a Python with Lintune, where this window lets us. */
function look(): Promise<Search> {
  const folders = (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
  const setting = vscode.workspace.getConfiguration("lintune").get<string>("pythonPath", "");
  return search({
    setting: expand(setting, folders[0]),
    folders: vscode.workspace.isTrusted ? folders : [],
    environment: process.env,
  });
}

/** Put the cursor on a line and show its hover there, where the answer is now. */
async function showHover(uri: vscode.Uri, line: number): Promise<void> {
  const place = new vscode.Position(line, 0);
  await vscode.window.showTextDocument(uri, { selection: new vscode.Range(place, place) });
  await vscode.commands.executeCommand("editor.action.showHover", { focus: "noAutoFocus" });
}
