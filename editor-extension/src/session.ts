// The language server of a window: looked for, started, started anew, stopped.
import * as vscode from "vscode";
import { type LanguageClient, State } from "vscode-languageclient/node";

import { createClient, grantTrust } from "./client";
import { offerInstall } from "./install";
import { expand, search } from "./python";
import { StatusBar } from "./statusBar";

/** The command behind the item in the status bar. */
export const MENU = "lintune.showMenu";

/** One server for the window, started when something concerns it. */
export class Session implements vscode.Disposable {
  readonly output = vscode.window.createOutputChannel("Lintune", { log: true });
  readonly statusBar = new StatusBar(MENU);
  private client: LanguageClient | undefined;
  /** A Python to install Lintune into, when the last search found none that has it. */
  installInto: string | null = null;
  /** Starts and stops happen one after the other. */
  private turn: Promise<void> = Promise.resolve();
  private begun = false;

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

  /** Restart, if the server was ever wanted: a setting changed. */
  async restartIfBegun(): Promise<void> {
    if (this.begun) {
      await this.restart();
    }
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.end());
  }

  /** The user trusts the workspace. A `.venv` that did not count so far may hold the missing Python. */
  async trusted(): Promise<void> {
    if (this.client?.isRunning()) {
      await grantTrust(this.client);
    } else {
      await this.restartIfBegun();
    }
  }

  /** Run one of the server's commands, which the client has registered under the same name. */
  async command(name: string, ...args: unknown[]): Promise<void> {
    await this.start();
    if (this.client?.isRunning()) {
      await vscode.commands.executeCommand(name, ...args);
    } else {
      await vscode.window.showWarningMessage("Lintune's language server is not running. The output says why.");
    }
  }

  dispose(): void {
    this.statusBar.dispose();
    this.output.dispose();
  }

  private async launch(): Promise<void> {
    this.statusBar.starting();
    const folders = (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
    const setting = vscode.workspace.getConfiguration("lintune").get<string>("pythonPath", "");
    const result = await search({
      setting: expand(setting, folders[0]),
      folders: vscode.workspace.isTrusted ? folders : [],
      environment: process.env,
    });
    if (result.found === null) {
      this.installInto = result.installInto;
      this.output.error(result.problem);
      this.statusBar.problem("not installed", result.problem);
      void offerInstall(result.problem, result.installInto);
      return;
    }
    const { command, args } = result.found;
    this.output.info(`Starting ${command} ${args.join(" ")} (from the ${result.origin}).`);
    const client = createClient(
      result.found,
      this.output,
      (status) => {
        this.statusBar.show(status);
      },
      (uri, line) => void showHover(vscode.Uri.parse(uri), line),
    );
    client.onDidChangeState(({ newState }) => {
      // The client starts a server that died again, until it has died too often.
      if (newState === State.Stopped && this.client === client) {
        this.statusBar.problem("stopped", "The language server has stopped. The output says why.");
      }
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.output.error(error instanceof Error ? error : String(error));
      this.statusBar.problem("not running", "The language server could not be started. The output says why.");
    }
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.needsStop()) {
      await client.dispose();
    }
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
