// What is shown in a sample while it is edited: findings, tokens, and where it belongs. The server knows all of it.
import * as vscode from "vscode";

import type { Samples } from "./samples";
import { fileName, NEW, SCHEME } from "./uris";

const REST_MS = 200;
const SELECTOR = { scheme: SCHEME };

/** LSP's, from 1. */
const SEVERITIES = [
  vscode.DiagnosticSeverity.Error,
  vscode.DiagnosticSeverity.Warning,
  vscode.DiagnosticSeverity.Information,
  vscode.DiagnosticSeverity.Hint,
];

/** A diagnostic as LSP has it. */
interface Found {
  readonly range: { readonly start: vscode.Position; readonly end: vscode.Position };
  readonly message: string;
  readonly severity: number;
  readonly code: string;
}

/** The result of `lintune/sampleLook`. */
interface Look {
  readonly diagnostics: readonly Found[];
  readonly parts: readonly { readonly line: number; readonly tokens: number; readonly learned: boolean }[];
  readonly summary: { readonly tokens: number; readonly learned: number; readonly limit: number | null } | null;
}

/** Follows the text of the samples that are open. */
export class SampleLanguage implements vscode.InlayHintsProvider, vscode.CodeLensProvider, vscode.Disposable {
  private readonly looks = new Map<string, Look>();
  private readonly waiting = new Map<string, NodeJS.Timeout>();
  private readonly diagnostics = vscode.languages.createDiagnosticCollection("lintune-sample");
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeInlayHints = this.changed.event;
  readonly onDidChangeCodeLenses = this.changed.event;
  private readonly subscriptions: { dispose(): unknown }[];

  constructor(private readonly samples: Samples) {
    this.subscriptions = [
      this.diagnostics,
      this.changed,
      vscode.languages.registerInlayHintsProvider(SELECTOR, this),
      vscode.languages.registerCodeLensProvider(SELECTOR, this),
      vscode.workspace.onDidOpenTextDocument((document) => {
        this.follow(document, 0);
      }),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        this.follow(document, REST_MS);
      }),
      vscode.workspace.onDidSaveTextDocument((document) => {
        this.follow(document, 0);
      }),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        clearTimeout(this.waiting.get(uri.toString()));
        this.waiting.delete(uri.toString());
        this.looks.delete(uri.toString());
        this.diagnostics.delete(uri);
      }),
    ];
    vscode.workspace.textDocuments.forEach((document) => {
      this.follow(document, 0);
    });
  }

  provideInlayHints(document: vscode.TextDocument, range: vscode.Range): vscode.InlayHint[] {
    if (!vscode.workspace.getConfiguration("lintune", document).get<boolean>("inlayHints", true)) {
      return [];
    }
    const parts = this.looks.get(document.uri.toString())?.parts ?? [];
    const shown = parts.filter(({ line }) => line >= range.start.line && line <= range.end.line);
    return shown.map(({ line, tokens, learned }) => {
      const label = `${count(tokens, "token")}${learned ? ", learned" : ""}`;
      const hint = new vscode.InlayHint(document.lineAt(line).range.end, label);
      hint.paddingLeft = true;
      hint.tooltip = "With what the chat template writes around the text.";
      return hint;
    });
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const name = this.samples.nameOf(document.uri);
    const known = this.samples.of(document.uri);
    if (name === null || known === undefined) {
      return [];
    }
    const top = new vscode.Range(0, 0, 0, 0);
    const lens = (title: string, command = "") => new vscode.CodeLens(top, { title, command });
    const file = fileName(vscode.Uri.parse(name.dataset).path);
    const line = known.line;
    const place = line === null ? `New sample of ${file}, at its end` : `${file}, line ${line + 1}`;
    const lenses = [lens(place, "lintune.goToSampleLine")];
    if (known.reason !== null) {
      lenses.push(lens(`Read-only: ${known.reason}`, "lintune.goToSampleLine"));
    }
    const summary = this.looks.get(document.uri.toString())?.summary;
    if (summary) {
      const { tokens, learned, limit } = summary;
      const over = limit !== null && tokens > limit;
      const of = limit === null ? "" : ` of ${limit.toLocaleString("en")}`;
      const counted = limit === null ? count(tokens, "token") : `${tokens.toLocaleString("en")}${of} tokens`;
      lenses.push(lens(`${over ? "⚠ " : ""}${counted}, ${learned.toLocaleString("en")} learned`));
    }
    return lenses;
  }

  dispose(): void {
    this.waiting.forEach((timer) => {
      clearTimeout(timer);
    });
    this.subscriptions.forEach((one) => {
      one.dispose();
    });
  }

  private follow(document: vscode.TextDocument, after: number): void {
    const uri = document.uri.toString();
    if (document.uri.scheme !== SCHEME) {
      return;
    }
    clearTimeout(this.waiting.get(uri));
    this.waiting.set(
      uri,
      setTimeout(() => void this.look(document), after),
    );
  }

  private async look(document: vscode.TextDocument): Promise<void> {
    const name = this.samples.nameOf(document.uri);
    const known = this.samples.of(document.uri);
    if (name === null || known?.reason !== null) {
      this.changed.fire();
      return;
    }
    const { version } = document;
    const look = await this.samples.check<Look>(document.uri, name.dataset, document.getText()).catch(() => null);
    if (look === null || document.version !== version || !this.waiting.has(document.uri.toString())) {
      return; // the text is another one now, or closed
    }
    this.looks.set(document.uri.toString(), look);
    // A new sample that nobody has begun to write is empty, and that is no news.
    const isBegun = name.line !== NEW || document.isDirty;
    this.diagnostics.set(document.uri, isBegun ? look.diagnostics.map(diagnostic) : []);
    this.changed.fire();
  }
}

function diagnostic({ range, message, severity, code }: Found): vscode.Diagnostic {
  const { start, end } = range;
  const place = new vscode.Range(start.line, start.character, end.line, end.character);
  const found = new vscode.Diagnostic(place, message, SEVERITIES[severity - 1] ?? vscode.DiagnosticSeverity.Error);
  found.source = "lintune";
  if (code !== "") {
    found.code = code;
  }
  return found;
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
