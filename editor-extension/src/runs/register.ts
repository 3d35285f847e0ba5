// The runs view in the activity bar: the recipes of the workspace, their runs, and what can be done with them.
import * as vscode from "vscode";

import { messageOf } from "../playground/serving";
import type { Session } from "../session";
import { OPEN_PANEL } from "../statusBar";
import { beganAt, type Run, size } from "./figures";
import { type Node, pathOf } from "./nodes";
import { RunsTree } from "./tree";

type RunNode = Extract<Node, { kind: "run" }>;

/** Show the view. Its commands get the row that they are called on, and all rows that are selected. */
export function registerRuns(session: Session): vscode.Disposable[] {
  const tree = new RunsTree(session);
  const on = (name: string, action: (node: Node, all: Node[]) => unknown) =>
    vscode.commands.registerCommand(`lintune.runs.${name}`, async (node?: Node, all?: Node[]) => {
      // By a key, it is called on what is selected.
      const first = node ?? tree.view.selection[0];
      try {
        await (first && action(first, all ?? (node ? [node] : [...tree.view.selection])));
      } catch (error) {
        // Such as that the file is gone since it was listed.
        void vscode.window.showErrorMessage(messageOf(error));
      }
    });
  const onRun = (name: string, action: (node: RunNode) => unknown) =>
    on(name, (node) => (node.kind === "run" ? action(node) : undefined));
  return [
    vscode.Disposable.from(tree),
    on("train", (node) => node.kind === "recipe" && session.command("lintune.train", node.recipe.uri)),
    onRun("resume", ({ recipe }) => session.command("lintune.resume", recipe.uri)),
    onRun("openPanel", ({ run }) => vscode.commands.executeCommand(OPEN_PANEL, run.path)),
    onRun("serve", ({ run }) => vscode.commands.executeCommand("lintune.serve", { run: run.path })),
    onRun("export", ({ run }) => exportRun(session, run, tree.known.quantizations)),
    onRun("verify", ({ run }) => session.command("lintune.verifyRun", run.path)),
    on("compare", (_, all) => compareSelected(session, all.filter(isRun))),
    onRun("compareWith", (node) => compareWith(session, node, tree)),
    on("delete", (_, all) => deleteRuns(session, all.filter(isRun).map(({ run }) => run))),
    on("openRecipe", (node) => vscode.window.showTextDocument(vscode.Uri.file(pathOf(node)))),
    on("openCard", (node) => openCard(node)),
    on("openEvaluation", (node) => openEvaluation(node)),
    on("revealInOS", (node) => vscode.commands.executeCommand("revealFileInOS", vscode.Uri.file(pathOf(node)))),
    on("revealInExplorer", (node) => vscode.commands.executeCommand("revealInExplorer", vscode.Uri.file(pathOf(node)))),
    on("copyPath", (_, all) => vscode.env.clipboard.writeText(all.map(pathOf).join("\n"))),
  ];
}

function isRun(node: Node): node is RunNode {
  return node.kind === "run";
}

async function exportRun(session: Session, run: Run, quantizations: readonly string[]): Promise<void> {
  const written = new Map(run.exports.filter(({ proven }) => proven !== false).map((file) => [file.quantization, file]));
  const items = quantizations.map((name) => {
    const file = written.get(name);
    const description = [ABOUT[name], file && `written, ${size(file.bytes)}`].filter(Boolean).join(" · ");
    return { label: name, description, picked: file === undefined && name === "q4_k_m" };
  });
  const chosen = await vscode.window.showQuickPick(items, {
    title: `Export ${beganAt(run, new Date())}`,
    placeHolder: "GGUF files to write, each proven to equal the trained model",
    canPickMany: true,
  });
  if (chosen && chosen.length > 0) {
    await session.command("lintune.exportRun", run.path, chosen.map(({ label }) => label));
  }
}

/** Of quantizations that are chosen for a reason. */
const ABOUT: Readonly<Record<string, string>> = {
  f16: "as it was trained, 2 bytes a parameter",
  q8_0: "almost as good as f16, half its size",
  q6_k: "hard to tell from q8_0",
  q4_k_m: "what most people run",
  q2_k: "smallest, answers suffer",
};

async function compareSelected(session: Session, runs: RunNode[]): Promise<void> {
  const [one, two] = runs;
  if (one && two && runs.length === 2) {
    await compare(session, one.run, two.run);
  }
}

async function compareWith(session: Session, node: RunNode, tree: RunsTree): Promise<void> {
  const others = tree.known.recipes.flatMap(({ runs, name }) =>
    runs
      .filter(({ path }) => path !== node.run.path)
      .map((run) => ({ label: beganAt(run, new Date()), description: run.line, detail: `${name} · ${run.name}`, run })),
  );
  const chosen = await vscode.window.showQuickPick(others, {
    title: `Compare ${beganAt(node.run, new Date())} With`,
    placeHolder: others.length > 0 ? "The other run" : "There is no other run yet",
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (chosen) {
    await compare(session, node.run, chosen.run);
  }
}

/** The server writes the page; a preview shows its tables and its picture. */
async function compare(session: Session, a: Run, b: Run): Promise<void> {
  const asked = { command: "lintune.compareRuns", arguments: [a.path, b.path, { show: false }] };
  const page = await session.request<string | null>("workspace/executeCommand", asked);
  if (page !== null) {
    await vscode.commands.executeCommand("markdown.showPreview", vscode.Uri.parse(page));
  }
}

/** Runs that a question names. */
const MOST_NAMED = 8;

async function deleteRuns(session: Session, runs: Run[]): Promise<void> {
  const gone = runs.filter(({ canDelete }) => canDelete);
  if (gone.length === 0) {
    void vscode.window.showInformationMessage("A run that is going on cannot be deleted. Stop it first.");
    return;
  }
  const one = gone.length === 1 ? gone[0] : undefined;
  const bytes = size(gone.reduce((sum, run) => sum + run.bytes, 0));
  const names = gone.map((run) => beganAt(run, new Date()));
  const question = gone.length === 1 ? `Delete the run “${names.join()}”?` : `Delete ${gone.length} runs?`;
  const left = runs.length > gone.length ? " A run that is going on is kept." : "";
  const named = `${names.slice(0, MOST_NAMED).join(", ")}${names.length > MOST_NAMED ? " and more" : ""}.`;
  const which = one === undefined ? named : describe(one);
  const files = gone.length === 1 ? "All its files" : "All their files";
  const detail = `${which} ${files} are deleted, ${bytes}. This cannot be undone.${left}`;
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, "Delete")) === "Delete") {
    await session.command("lintune.deleteRuns", gone.map(({ path }) => path));
  }
}

/** A key acts on the run that is selected, where the focus may be on another: so it is said which one that is. */
function describe(run: Run): string {
  const words = run.state === "finished" ? `finished: ${run.line}` : run.line;
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

/** The page is in one file and needs no script. A browser shows more of it, where one can open the file. */
async function openEvaluation(node: Node): Promise<void> {
  const page = node.kind === "evaluation" ? node.evaluation.page : null;
  if (page === null) {
    return;
  }
  const uri = vscode.Uri.file(page);
  if (vscode.env.uiKind === vscode.UIKind.Desktop && vscode.env.remoteName === undefined) {
    await vscode.env.openExternal(uri);
    return;
  }
  const panel = vscode.window.createWebviewPanel("lintune.evaluation", "Evaluation", vscode.ViewColumn.Active, {});
  const html = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  // None would run here; that they are blocked need not be in anybody's log.
  panel.webview.html = html.replace(/<script>.*?<\/script>/gs, "");
}

async function openCard(node: Node): Promise<void> {
  const card = node.kind === "run" ? node.run.card : node.kind === "card" ? node.card : null;
  if (card !== null) {
    await vscode.commands.executeCommand("markdown.showPreview", vscode.Uri.file(card));
  }
}
