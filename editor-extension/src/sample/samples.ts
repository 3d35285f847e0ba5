// What the server says of samples, and what of it is remembered of each document, over a reload of the window, too.
import * as vscode from "vscode";

import type { Server } from "../session";
import { nameOf, NEW, pathOf, SCHEME } from "./uris";

/** The result of `lintune/sample`. */
export interface Opened {
  readonly line: number;
  readonly digest: string;
  /** Digests of the lines before and behind it. */
  readonly around: readonly (string | null)[];
  readonly markdown: string;
  readonly reason: string | null;
  readonly modified: number;
}

/** The result of `lintune/sampleWrite`. */
export interface Written {
  readonly state: "saved" | "buffered" | "conflict" | "unreadable";
  readonly line: number;
  readonly digest: string;
  readonly message?: string;
}

/** What is known of a document: where its sample is, and the time and size that VS Code was told. */
export interface Known {
  line: number | null;
  digest: string | null;
  around: readonly (string | null)[];
  modified: number;
  size: number;
  reason: string | null;
  /** Of a new sample: what stands there before anything is written. */
  template?: string;
}

const KEPT = "lintune.samples";
const MOST_KEPT = 100;

/** Asks the server, and remembers. */
export class Samples {
  private readonly known: Map<string, Known>;

  constructor(
    private readonly server: Server,
    private readonly memory: vscode.Memento,
  ) {
    this.known = new Map(memory.get<[string, Known][]>(KEPT, []));
  }

  /** The document of a line: the one that shows it already, wherever its line was when that was opened. */
  uriOf(dataset: vscode.Uri, line: number): vscode.Uri {
    for (const document of vscode.workspace.textDocuments) {
      const named = this.nameOf(document.uri);
      if (named?.dataset === dataset.toString() && this.known.get(document.uri.toString())?.line === line) {
        return document.uri;
      }
    }
    const uri = makeUri(dataset, line);
    const isOpen = vscode.workspace.textDocuments.some((document) => document.uri.toString() === uri.toString());
    if (isOpen) {
      // Its sample is on another line now; this one gets a name of its own.
      return uri.with({ fragment: `${Date.now()}` });
    }
    this.known.delete(uri.toString());
    return uri;
  }

  newUriOf(dataset: vscode.Uri): vscode.Uri {
    return makeUri(dataset, NEW);
  }

  nameOf(uri: vscode.Uri): { readonly dataset: string; readonly line: number | typeof NEW } | null {
    const name = uri.scheme === SCHEME ? nameOf(uri.path) : null;
    if (name === null) {
      return null;
    }
    const folder = vscode.workspace.workspaceFolders?.[0];
    const inFolder = folder === undefined ? null : vscode.Uri.joinPath(folder.uri, name.path).toString();
    const dataset = uri.query === "" ? inFolder : uri.query;
    return dataset === null ? null : { dataset, line: name.line };
  }

  of(uri: vscode.Uri): Known | undefined {
    return this.known.get(uri.toString());
  }

  remember(uri: vscode.Uri, known: Known): void {
    this.known.delete(uri.toString());
    this.known.set(uri.toString(), known);
    void this.memory.update(KEPT, [...this.known].slice(-MOST_KEPT));
  }

  /** Look at a document's sample as it is now. Null when it is gone. */
  async look(uri: vscode.Uri): Promise<{ known: Known; markdown: string } | null> {
    const name = this.nameOf(uri);
    if (name === null) {
      return null;
    }
    if (name.line === NEW) {
      return this.lookAtNew(uri, name.dataset);
    }
    const before = this.of(uri);
    const opened = await this.open(vscode.Uri.parse(name.dataset), before?.line ?? name.line, uri, 0, before);
    if (opened === null) {
      return null;
    }
    const { markdown, ...place } = opened;
    const known: Known = { ...place, size: Buffer.byteLength(markdown) };
    if (before?.digest === opened.digest) {
      known.modified = before.modified;
      known.size = before.size;
    } else if (before !== undefined) {
      // VS Code takes a file for changed when it is newer and of another size.
      known.modified = Math.max(Date.now(), before.modified + 1);
      known.size += known.size === before.size ? 1 : 0;
    }
    this.remember(uri, known);
    return { known, markdown };
  }

  /** A sample of a data set; with a step the next one (1) or the one before (-1). `document`: the one that shows it. */
  open(dataset: vscode.Uri, line: number, document?: vscode.Uri, step = 0, known?: Known): Promise<Opened | null> {
    return this.server.request<Opened | null>("lintune/sample", {
      uri: dataset.toString(),
      unsaved: isUnsaved(dataset),
      line,
      step,
      digest: known?.digest,
      around: known?.around,
      guardEnds: trimsLines(document),
    });
  }

  write(uri: vscode.Uri, dataset: string, markdown: string): Promise<Written> {
    const known = this.of(uri);
    return this.server.request<Written>("lintune/sampleWrite", {
      uri: dataset,
      unsaved: isUnsaved(vscode.Uri.parse(dataset)),
      line: known?.line,
      digest: known?.digest,
      markdown,
    });
  }

  /** What there is to say of a document as it is edited. */
  check<R>(uri: vscode.Uri, dataset: string, markdown: string): Promise<R> {
    const { line, digest } = this.of(uri) ?? {};
    const unsaved = isUnsaved(vscode.Uri.parse(dataset));
    return this.server.request<R>("lintune/sampleLook", { uri: dataset, unsaved, line, digest, markdown });
  }

  private async lookAtNew(uri: vscode.Uri, dataset: string): Promise<{ known: Known; markdown: string }> {
    let known = this.of(uri);
    if (known?.template === undefined) {
      const asked = { uri: dataset, unsaved: isUnsaved(vscode.Uri.parse(dataset)) };
      const made = await this.server.request<{ markdown: string; reason: string | null }>("lintune/newSample", asked);
      known = {
        line: null,
        digest: null,
        around: [],
        modified: Date.now(),
        size: Buffer.byteLength(made.markdown),
        reason: made.reason,
        template: made.markdown,
      };
      this.remember(uri, known);
    }
    return { known, markdown: known.template ?? "" };
  }

  forget(uri: vscode.Uri): void {
    this.known.delete(uri.toString());
  }
}

function makeUri(dataset: vscode.Uri, line: number | typeof NEW): vscode.Uri {
  const relative = vscode.workspace.asRelativePath(dataset, false);
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const isFirst = folder !== undefined && vscode.Uri.joinPath(folder, relative).toString() === dataset.toString();
  return vscode.Uri.from({ scheme: SCHEME, path: pathOf(relative, line), query: isFirst ? "" : dataset.toString() });
}

/** Whether the data set has changes in an editor that are not on disk. */
function isUnsaved(dataset: vscode.Uri): boolean {
  const uri = dataset.toString();
  return vscode.workspace.textDocuments.some((document) => document.isDirty && document.uri.toString() === uri);
}

/** Whether VS Code takes spaces away at the ends of a document's lines when it is saved. */
function trimsLines(document: vscode.Uri | undefined): boolean {
  const scope = { languageId: "markdown", ...(document ? { uri: document } : {}) };
  return vscode.workspace.getConfiguration("files", scope).get<boolean>("trimTrailingWhitespace", false);
}
