// The sample editor: its commands, and what makes its documents follow their data sets.
import * as vscode from "vscode";

import type { Server } from "../session";
import { SampleFileSystem } from "./fileSystem";
import { SampleLanguage } from "./language";
import { Samples } from "./samples";
import { SCHEME } from "./uris";

const REST_MS = 150;

/** `lintune.editSample` and the commands of the documents that it opens. */
export function registerSampleEditor(context: vscode.ExtensionContext, server: Server): { dispose(): unknown }[] {
  const samples = new Samples(server, context.workspaceState);
  const files = new SampleFileSystem(samples);
  const editor = new SampleEditor(samples);
  const register = (name: string, run: (...given: never[]) => unknown) => vscode.commands.registerCommand(name, run);
  return [
    files,
    vscode.workspace.registerFileSystemProvider(SCHEME, files, { isCaseSensitive: true }),
    new SampleLanguage(samples),
    ...follow(files),
    register("lintune.editSample", (uri?: unknown, line?: unknown) => editor.edit(uri, line)),
    register("lintune.nextSample", () => editor.step(1)),
    register("lintune.previousSample", () => editor.step(-1)),
    register("lintune.newSample", (uri?: unknown) => editor.create(uri)),
    register("lintune.goToSampleLine", () => editor.goToLine()),
    files.onDidAppend(({ document, dataset, line }) => {
      // VS Code is still saving it.
      const saved = vscode.workspace.onDidSaveTextDocument(({ uri }) => {
        if (uri.toString() === document.toString()) {
          saved.dispose();
          void editor.replaceNew(document, dataset, line);
        }
      });
    }),
  ];
}

class SampleEditor {
  private turn: Promise<void> = Promise.resolve();

  constructor(private readonly samples: Samples) {}

  /** Open the sample on a line, or the one under the cursor. */
  async edit(uri: unknown, line: unknown): Promise<void> {
    const active = vscode.window.activeTextEditor;
    const dataset = uriOf(uri) ?? active?.document.uri;
    if (dataset === undefined || dataset.scheme === SCHEME) {
      return;
    }
    const place = typeof line === "number" ? line : (active?.selection.active.line ?? 0);
    await this.show(dataset, place);
  }

  /** Go on to the next sample. An edited one stays open in a tab of its own. */
  step(by: 1 | -1): Promise<void> {
    // One after the other: a key that is pressed twice goes two samples on.
    this.turn = this.turn.then(() => this.goOn(by));
    return this.turn;
  }

  private async goOn(by: 1 | -1): Promise<void> {
    const place = this.place();
    if (place === null) {
      return;
    }
    const last = Number.MAX_SAFE_INTEGER;
    const opened = await asked(this.samples.open(place.dataset, place.line ?? last, undefined, by));
    if (opened === undefined) {
      return;
    }
    if (opened === null) {
      vscode.window.setStatusBarMessage(by > 0 ? "This is the last sample." : "This is the first sample.", 4_000);
      return;
    }
    await this.show(place.dataset, opened.line);
  }

  /** Open a sample that is not written yet. */
  async create(uri: unknown): Promise<void> {
    const dataset = uriOf(uri) ?? this.place()?.dataset;
    if (dataset !== undefined) {
      await open(this.samples.newUriOf(dataset), false, firstGap);
    }
  }

  /** Show the line of the sample in its data set; of one that cannot be edited, what is found there, too. */
  async goToLine(): Promise<void> {
    const place = this.place();
    const sample = vscode.window.activeTextEditor?.document.uri;
    if (place !== null && sample !== undefined) {
      const line = place.line ?? Number.MAX_SAFE_INTEGER;
      const found = vscode.languages.getDiagnostics(place.dataset).find(({ range }) => range.start.line === line);
      const cursor = found?.range.start ?? new vscode.Position(line, 0);
      await vscode.window.showTextDocument(place.dataset, { selection: new vscode.Range(cursor, cursor) });
      if (found && this.samples.of(sample)?.reason) {
        await vscode.commands.executeCommand("editor.action.showHover", { focus: "noAutoFocus" });
      }
    }
  }

  /** The document of a new sample makes way for that of its line. */
  async replaceNew(document: vscode.Uri, dataset: vscode.Uri, line: number): Promise<void> {
    const cursor = vscode.window.activeTextEditor?.selection;
    await open(this.samples.uriOf(dataset, line), false, () => cursor);
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    const isNew = ({ input }: vscode.Tab) => input instanceof vscode.TabInputText && input.uri.toString() === document.toString();
    await vscode.window.tabGroups.close(tabs.filter(isNew));
    this.samples.forget(document);
  }

  private async show(dataset: vscode.Uri, line: number): Promise<void> {
    await open(this.samples.uriOf(dataset, line), true);
  }

  /** The data set and the line of what is open; null when it is no data set. `line` is null for a new sample. */
  private place(): { dataset: vscode.Uri; line: number | null } | null {
    const active = vscode.window.activeTextEditor;
    if (active === undefined) {
      return null;
    }
    const name = this.samples.nameOf(active.document.uri);
    if (name !== null) {
      return { dataset: vscode.Uri.parse(name.dataset), line: this.samples.of(active.document.uri)?.line ?? null };
    }
    return { dataset: active.document.uri, line: active.selection.active.line };
  }
}

/** Documents are looked at again when their data set changes, in an editor or on disk. */
function follow(files: SampleFileSystem): vscode.Disposable[] {
  const waiting = new Map<string, NodeJS.Timeout>();
  const changed = (uri: vscode.Uri) => {
    const dataset = uri.toString();
    clearTimeout(waiting.get(dataset));
    waiting.set(
      dataset,
      setTimeout(() => {
        waiting.delete(dataset);
        files.datasetChanged(dataset).catch(() => undefined); // without a server there is nothing to follow
      }, REST_MS),
    );
  };
  const watcher = vscode.workspace.createFileSystemWatcher("**/*.{jsonl,ndjson}");
  return [
    watcher,
    watcher.onDidChange(changed),
    watcher.onDidCreate(changed),
    watcher.onDidDelete(changed),
    vscode.workspace.onDidChangeTextDocument(({ document }) => {
      if (document.uri.scheme !== SCHEME) {
        changed(document.uri);
      }
    }),
    vscode.workspace.onDidSaveTextDocument(({ uri }) => {
      changed(uri);
    }),
  ];
}

/** Show a sample. `cursor`: where in it one goes on. */
async function open(
  uri: vscode.Uri,
  preview: boolean,
  cursor: (document: vscode.TextDocument) => vscode.Range | undefined = () => undefined,
): Promise<void> {
  try {
    const document = await vscode.workspace.openTextDocument(uri);
    const selection = cursor(document);
    await vscode.window.showTextDocument(document, { preview, ...(selection ? { selection } : {}) });
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
  }
}

async function asked<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** The first text that is still to be written. */
function firstGap(document: vscode.TextDocument): vscode.Range | undefined {
  for (let line = 2; line < document.lineCount; line++) {
    const isEmpty = document.lineAt(line - 1).isEmptyOrWhitespace && document.lineAt(line).isEmptyOrWhitespace;
    if (isEmpty && document.lineAt(line - 2).text.startsWith("# ")) {
      return new vscode.Range(line, 0, line, 0);
    }
  }
  return undefined;
}

/** Commands get URIs from menus, and texts from lenses. */
function uriOf(given: unknown): vscode.Uri | undefined {
  return given instanceof vscode.Uri ? given : typeof given === "string" ? vscode.Uri.parse(given) : undefined;
}
