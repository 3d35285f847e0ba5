// Samples as files that VS Code opens, saves and compares as any others; a save becomes one line of the data set.
import * as vscode from "vscode";

import type { Samples } from "./samples";
import { fileName, NEW } from "./uris";

const { FileSystemError } = vscode;

/** Why a sample was not written. VS Code puts an error's name before what it says to people. */
class NotWritten extends Error {
  override name = "";
}

/** The files of the scheme `lintune-sample`. */
export class SampleFileSystem implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changes.event;
  private readonly appended = new vscode.EventEmitter<{ document: vscode.Uri; dataset: vscode.Uri; line: number }>();
  /** A new sample is in its data set now. */
  readonly onDidAppend = this.appended.event;

  constructor(private readonly samples: Samples) {}

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { known } = await this.look(uri);
    const permissions = known.reason === null ? {} : { permissions: vscode.FilePermission.Readonly };
    return { type: vscode.FileType.File, ctime: 0, mtime: known.modified, size: known.size, ...permissions };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return Buffer.from((await this.look(uri)).markdown);
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array): Promise<void> {
    const name = this.samples.nameOf(uri);
    if (name === null) {
      throw FileSystemError.NoPermissions("Only samples that are open can be saved here. Save it as a file elsewhere.");
    }
    const known = this.samples.of(uri);
    const dataset = vscode.Uri.parse(name.dataset);
    const markdown = Buffer.from(content).toString("utf8");
    const written = await this.samples.write(uri, name.dataset, markdown).catch((error: unknown) => {
      throw new NotWritten(error instanceof Error ? error.message : String(error));
    });
    if (written.state === "conflict" || written.state === "unreadable") {
      throw new NotWritten(written.message);
    }
    this.samples.remember(uri, {
      line: written.line,
      digest: written.digest,
      around: known?.around ?? [],
      modified: Math.max(Date.now(), (known?.modified ?? 0) + 1),
      size: content.byteLength,
      reason: null,
    });
    if (name.line === NEW) {
      this.appended.fire({ document: uri, dataset, line: written.line });
    }
    if (written.state === "buffered") {
      void offerToSave(dataset);
    }
  }

  /** A data set changed: look again at its samples that are open. */
  async datasetChanged(dataset: string): Promise<void> {
    for (const { uri } of vscode.workspace.textDocuments) {
      const name = this.samples.nameOf(uri);
      if (name?.dataset !== dataset || name.line === NEW) {
        continue;
      }
      const before = this.samples.of(uri)?.digest;
      const now = await this.samples.look(uri);
      if (now === null) {
        this.changes.fire([{ type: vscode.FileChangeType.Deleted, uri }]);
      } else if (now.known.digest !== before) {
        this.changes.fire([{ type: vscode.FileChangeType.Changed, uri }]);
      }
    }
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined); // `datasetChanged` is told
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(uri: vscode.Uri): void {
    throw FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): void {
    throw FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): void {
    throw FileSystemError.NoPermissions(uri);
  }

  dispose(): void {
    this.changes.dispose();
    this.appended.dispose();
  }

  private async look(uri: vscode.Uri): Promise<NonNullable<Awaited<ReturnType<Samples["look"]>>>> {
    const found = await this.samples.look(uri);
    if (found === null) {
      throw FileSystemError.FileNotFound(uri);
    }
    return found;
  }
}

/** The sample went into the data set's editor, whose other changes are not saved either. */
async function offerToSave(dataset: vscode.Uri): Promise<void> {
  const name = fileName(dataset.path);
  const save = `Save ${name}`;
  const said = `${name} has unsaved changes. The sample is one of them now: it is saved with the file.`;
  if ((await vscode.window.showInformationMessage(said, save)) === save) {
    const document = vscode.workspace.textDocuments.find((one) => one.uri.toString() === dataset.toString());
    await document?.save();
  }
}
