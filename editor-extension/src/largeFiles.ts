// Data sets that are too large for VS Code to hand to extensions: the server is told which are open, and reads them itself.
import * as vscode from "vscode";

import type { Session } from "./session";

/** VS Code's limit (`TextModel._MODEL_SYNC_LIMIT`), there in UTF-16 units. A file never has more of these than bytes. */
const SYNCED = 50 * 1024 * 1024;
/** From a tab's opening to its text's arrival here; a text that never arrives gives no sign. */
const ARRIVAL_MS = 2_000;
const SAID = "lintune.saidOfLargeFiles";

export function registerLargeFiles(context: vscode.ExtensionContext, session: Session): vscode.Disposable[] {
  const files = new LargeFiles(context.workspaceState, session);
  files.look();
  return [
    new vscode.Disposable(() => {
      files.dispose();
    }),
    vscode.window.tabGroups.onDidChangeTabs(() => {
      files.look();
    }),
    vscode.workspace.onDidOpenTextDocument(() => {
      files.look();
    }),
    session.onDidStart(() => {
      files.tell();
    }),
  ];
}

class LargeFiles {
  private uris: readonly string[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly memory: vscode.Memento,
    private readonly session: Session,
  ) {}

  /** Tabs or documents changed: look which large files are open, a moment later. */
  look(): void {
    clearTimeout(this.timer);
    if (this.uris.length > 0 || this.dataSets().length > 0) {
      this.timer = setTimeout(() => void this.find(), ARRIVAL_MS);
    }
  }

  /** The server is told of all of them: also one that was just started. */
  tell(): void {
    void this.session.notify("lintune/largeFiles", { uris: this.uris });
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  /** Those in tabs that were looked at: the text of others has not been asked for yet. */
  private dataSets(): vscode.Uri[] {
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    const uris = tabs.flatMap(({ input, isActive }) => {
      const uri = input instanceof vscode.TabInputText && isDataSet(input.uri) ? input.uri : undefined;
      return uri && (isActive || this.uris.includes(uri.toString())) ? [uri] : [];
    });
    return [...new Map(uris.map((uri) => [uri.toString(), uri])).values()];
  }

  private async find(): Promise<void> {
    const large = await Promise.all(this.dataSets().map(async (uri) => ((await isLarge(uri)) ? [uri] : [])));
    const found = large.flat();
    const uris = found.map(String);
    if (uris.join("\n") === this.uris.join("\n")) {
      return;
    }
    this.uris = uris;
    await this.session.start();
    this.tell();
    this.say(found);
  }

  /** Once for each file: what is to be had of it, and what not. */
  private say(files: readonly vscode.Uri[]): void {
    const said = this.memory.get<string[]>(SAID, []);
    const news = files.filter((uri) => !said.includes(uri.toString()));
    if (news.length === 0) {
      return;
    }
    void this.memory.update(SAID, [...said, ...news.map(String)]);
    const names = news.map((uri) => vscode.workspace.asRelativePath(uri)).join(", ");
    void vscode.window.showInformationMessage(
      `VS Code hands no file over 50 MB to extensions. Lintune checks ${names} as it is on the disk, whenever it is saved. ` +
        "Hovers, lenses and quick fixes are not to be had in it.",
    );
  }
}

function isDataSet(uri: vscode.Uri): boolean {
  return uri.scheme === "file" && /\.(jsonl|ndjson)$/i.test(uri.path);
}

async function isLarge(uri: vscode.Uri): Promise<boolean> {
  if (vscode.workspace.textDocuments.some((document) => document.uri.toString() === uri.toString())) {
    return false;
  }
  try {
    return (await vscode.workspace.fs.stat(uri)).size > SYNCED;
  } catch {
    return false; // it is gone
  }
}
