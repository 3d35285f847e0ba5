// The rows of the runs view: what each shows, and what can be done with it.
import * as path from "node:path";

import * as vscode from "vscode";

import { beganAt, type Checkpoint, type Evaluation, type Export, marksOf, type Recipe, type Run, size } from "./figures";

export type Node =
  | { readonly kind: "recipe"; readonly recipe: Recipe }
  | { readonly kind: "run"; readonly recipe: Recipe; readonly run: Run }
  | { readonly kind: "checkpoint"; readonly run: Run; readonly checkpoint: Checkpoint }
  | { readonly kind: "export"; readonly run: Run; readonly file: Export }
  | { readonly kind: "evaluation"; readonly run: Run; readonly evaluation: Evaluation }
  | { readonly kind: "card"; readonly run: Run; readonly card: string };

/** The file or folder that a row stands for. */
export function pathOf(node: Node): string {
  switch (node.kind) {
    case "recipe":
      return vscode.Uri.parse(node.recipe.uri).fsPath;
    case "run":
      return node.run.path;
    case "checkpoint":
      return node.checkpoint.path;
    case "export":
      return node.file.path;
    case "evaluation":
      return node.evaluation.page ?? node.run.path;
    case "card":
      return node.card;
  }
}

/** The rows below one. */
export function childrenOf(node: Node): Node[] {
  if (node.kind === "recipe") {
    return node.recipe.runs.map((run) => ({ kind: "run", recipe: node.recipe, run }));
  }
  if (node.kind !== "run") {
    return [];
  }
  const { run } = node;
  return [
    ...run.exports.map((file): Node => ({ kind: "export", run, file })),
    ...(run.evaluation ? [{ kind: "evaluation", run, evaluation: run.evaluation } as const] : []),
    ...(run.card !== null ? [{ kind: "card", run, card: run.card } as const] : []),
    ...run.checkpoints.map((checkpoint): Node => ({ kind: "checkpoint", run, checkpoint })),
  ];
}

/** How a row looks. only: whether the workspace has one recipe. training: the URI of the recipe that is trained. */
export function itemOf(node: Node, only: boolean, training: string | null): vscode.TreeItem {
  const item = lookOf(node, only, training);
  // Else a screen reader reads the tooltip in place of the row.
  const label = [labelOf(node, only), node.kind === "run" ? node.run.state : "", item.description === true ? "" : item.description];
  item.accessibilityInformation = { label: label.filter(Boolean).join(", ") };
  return item;
}

function lookOf(node: Node, only: boolean, training: string | null): vscode.TreeItem {
  const item = new vscode.TreeItem(labelOf(node, only), vscode.TreeItemCollapsibleState.None);
  item.id = `${node.kind}:${pathOf(node)}`;
  switch (node.kind) {
    case "recipe":
      return recipeItem(item, node.recipe, training);
    case "run":
      return runItem(item, node.run);
    case "checkpoint":
      item.description = [loss(node.checkpoint.evalLoss), node.checkpoint.best ? "best" : ""].filter(Boolean).join(" · ");
      item.iconPath = new vscode.ThemeIcon(node.checkpoint.best ? "star-full" : "save");
      break;
    case "export":
      return exportItem(item, node.file);
    case "evaluation":
      item.description = marksOf(node.evaluation) || `${node.evaluation.samples} samples`;
      item.iconPath = new vscode.ThemeIcon("graph");
      item.command = open("lintune.runs.openEvaluation", "Open Evaluation", node);
      break;
    case "card":
      item.iconPath = new vscode.ThemeIcon("book");
      item.command = open("lintune.runs.openCard", "Open Model Card", node);
  }
  item.contextValue = flags(node.kind, "file");
  return item;
}

function labelOf(node: Node, only: boolean): string {
  switch (node.kind) {
    case "recipe":
      return only ? node.recipe.name : `${path.basename(node.recipe.folder)}/${node.recipe.name}`;
    case "run":
      return beganAt(node.run, new Date());
    case "checkpoint":
      return `Checkpoint ${node.checkpoint.step}`;
    case "export":
      return node.file.name;
    case "evaluation":
      return "Evaluation";
    case "card":
      return "Model card";
  }
}

function recipeItem(item: vscode.TreeItem, recipe: Recipe, training: string | null): vscode.TreeItem {
  item.collapsibleState = vscode.TreeItemCollapsibleState.Expanded;
  item.iconPath = new vscode.ThemeIcon("beaker");
  const count = recipe.runs.length;
  item.description = recipe.exists
    ? count === 0 ? "not trained yet" : `${count} ${count === 1 ? "run" : "runs"}`
    : "deleted";
  item.tooltip = vscode.Uri.parse(recipe.uri).fsPath;
  item.contextValue = flags("recipe", recipe.exists ? "file" : "", training === recipe.uri ? "training" : "");
  return item;
}

const ICONS: Readonly<Record<Run["state"], readonly [string, string?]>> = {
  running: ["loading~spin"],
  finished: ["pass-filled", "charts.green"],
  failed: ["error", "errorForeground"],
  dead: ["error", "errorForeground"],
  cancelled: ["circle-slash", "disabledForeground"],
  paused: ["debug-pause", "charts.yellow"],
};

function runItem(item: vscode.TreeItem, run: Run): vscode.TreeItem {
  const [icon, colour] = run.doing === null ? ICONS[run.state] : ICONS.running;
  const children = run.checkpoints.length + run.exports.length > 0 || run.card !== null || run.evaluation !== null;
  item.collapsibleState = children
    ? vscode.TreeItemCollapsibleState.Collapsed
    : vscode.TreeItemCollapsibleState.None;
  item.iconPath = new vscode.ThemeIcon(icon, colour === undefined ? undefined : new vscode.ThemeColor(colour));
  item.description = run.line;
  item.contextValue = flags(
    "run",
    run.state,
    run.canResume ? "resumable" : "",
    run.canExport ? "exportable" : "",
    run.canVerify ? "verifiable" : "",
    run.canDelete ? "deletable" : "",
    run.card === null ? "" : "carded",
  );
  return item;
}

function exportItem(item: vscode.TreeItem, file: Export): vscode.TreeItem {
  const proof = file.proven === null ? "not verified" : file.proven ? "proven" : "rejected";
  const icons = { proven: "verified", rejected: "error", "not verified": "package" } as const;
  const colour = file.proven === false ? new vscode.ThemeColor("errorForeground") : undefined;
  item.description = `${size(file.bytes)} · ${proof}`;
  item.iconPath = new vscode.ThemeIcon(icons[proof], colour);
  item.tooltip = {
    proven: "It behaves like the model that was trained: verify.json has the figures.",
    rejected: "It does not behave like the model that was trained, and nothing serves it. verify.json says why.",
    "not verified": "Whether it behaves like the model that was trained was not looked at. Verify the run to know.",
  }[proof];
  item.contextValue = flags("export", "file");
  return item;
}

function open(command: string, title: string, node: Node): vscode.Command {
  return { command, title, arguments: [node] };
}

function loss(value: number | null): string {
  return value === null ? "" : `eval loss ${value.toFixed(3)}`;
}

/** What `when` clauses look for, each between semicolons. */
function flags(...words: string[]): string {
  return `;${words.filter(Boolean).join(";")};`;
}
