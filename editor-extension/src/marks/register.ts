// Marks in the gutter: how the samples of an eval set came out in the last evaluation. The server knows; this draws.
import * as vscode from "vscode";

import type { Server } from "../session";
import type { Status } from "../status";

const SETTING = "lintune.evalMarks";
/** Between an edit and the next question: marks follow their lines meanwhile, as all decorations do. */
const REST_MS = 250;

const KINDS = ["fixed", "broken", "still wrong", "still right"] as const;
type Kind = (typeof KINDS)[number];

/** In the overview ruler, left of the findings. */
const RULER: Readonly<Record<Kind, string>> = {
  fixed: "testing.iconPassed",
  broken: "testing.iconFailed",
  "still wrong": "editorOverviewRuler.warningForeground",
  "still right": "editorLineNumber.foreground",
};

interface Marks {
  readonly version: number;
  readonly marks: readonly { readonly line: number; readonly mark: Kind }[];
}

/** Draw them wherever a data set is seen, as long as the setting says so. */
export function registerMarks(server: Server, extension: vscode.Uri): vscode.Disposable[] {
  const types = new Map(KINDS.map((kind) => [kind, decorationOf(kind, extension)]));
  /** The state that was told last: it is told anew at each step of a training. */
  let before = "";
  const timers = new Map<string, NodeJS.Timeout>();

  const draw = async (editor: vscode.TextEditor) => {
    const { document } = editor;
    const shown = isDataSet(document) && vscode.workspace.getConfiguration("lintune", document).get("evalMarks", true);
    const found = shown ? await marksOf(server, document) : [];
    if (found === null) {
      return;
    }
    for (const [kind, type] of types) {
      const lines = found.filter(({ mark }) => mark === kind);
      editor.setDecorations(
        type,
        lines.map(({ line }) => new vscode.Range(line, 0, line, 0)),
      );
    }
  };
  const drawAll = () => {
    for (const editor of vscode.window.visibleTextEditors) {
      if (isDataSet(editor.document)) {
        void draw(editor);
      }
    }
  };
  const drawSoon = ({ document }: vscode.TextDocumentChangeEvent) => {
    if (!isDataSet(document)) {
      return;
    }
    const key = document.uri.toString();
    clearTimeout(timers.get(key));
    const redraw = () => {
      timers.delete(key);
      vscode.window.visibleTextEditors.filter((editor) => editor.document === document).forEach((one) => void draw(one));
    };
    timers.set(key, setTimeout(redraw, REST_MS));
  };

  return [
    ...types.values(),
    vscode.window.onDidChangeVisibleTextEditors(drawAll),
    vscode.workspace.onDidChangeTextDocument(drawSoon),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(SETTING)) {
        drawAll();
      }
    }),
    server.onDidStart(drawAll),
    // A run has ended, or was deleted: another one's evaluation may be the last.
    server.onNotification<Status>("lintune/status", ({ state, run }) => {
      const now = `${state} ${run ?? ""}`;
      if (now !== before) {
        before = now;
        drawAll();
      }
    }),
    server.onNotification("lintune/runsChanged", drawAll),
    new vscode.Disposable(() => {
      timers.forEach((timer) => {
        clearTimeout(timer);
      });
    }),
  ];
}

/** null while the text changes: the marks would stand at other lines, and the next question is on its way. */
async function marksOf(server: Server, document: vscode.TextDocument): Promise<Marks["marks"] | null> {
  try {
    const found = await server.request<Marks>("lintune/marks", { uri: document.uri.toString() });
    return found.version === document.version ? found.marks : null;
  } catch {
    return []; // no server, or it does not have the document: there is nothing to mark
  }
}

function isDataSet(document: vscode.TextDocument): boolean {
  const isOnDisk = document.uri.scheme === "file" || document.uri.scheme === "untitled";
  return isOnDisk && (document.languageId === "jsonl" || document.fileName.endsWith(".jsonl"));
}

function decorationOf(kind: Kind, extension: vscode.Uri): vscode.TextEditorDecorationType {
  const icon = (theme: string) => ({
    gutterIconPath: vscode.Uri.joinPath(extension, "images", "marks", `${kind.replace(" ", "-")}-${theme}.svg`),
  });
  return vscode.window.createTextEditorDecorationType({
    light: icon("light"),
    dark: icon("dark"),
    gutterIconSize: "contain",
    overviewRulerColor: new vscode.ThemeColor(RULER[kind]),
    overviewRulerLane: vscode.OverviewRulerLane.Left,
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
}
