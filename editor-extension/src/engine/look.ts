// Looking for the engine from this window: its folders, its setting, its Python extension.
import { setTimeout } from "node:timers/promises";

import * as vscode from "vscode";

import { type Search, search } from "./finding";
import { expand, type Places } from "./places";

/** The part of the Python extension's API that is used here. */
interface PythonExtension {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(chosen: { readonly path: string }): Promise<
      { readonly executable: { readonly uri: vscode.Uri | undefined } } | undefined
    >;
  };
}

const PYTHON_EXTENSION = "ms-python.python";
/** It may still be looking for Pythons itself; then we go on without it. */
const PATIENCE_MS = 4_000;

/** Look for Lintune, where this window lets us. `storage`: the extension's own folder. */
export function look(storage: vscode.Uri): Promise<Search> {
  return search(places(storage));
}

/** Where this window lets us look. */
export function places(storage: vscode.Uri): Places {
  const folders = (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
  const setting = vscode.workspace.getConfiguration("lintune").get<string>("pythonPath", "");
  return {
    setting: expand(setting, folders[0]),
    folders,
    trusted: vscode.workspace.isTrusted,
    environment: process.env,
    own: vscode.Uri.joinPath(storage, "python").fsPath,
    interpreter: () => Promise.race([interpreter(), setTimeout(PATIENCE_MS, null)]),
  };
}

/** The interpreter that is chosen in the Python extension, when that is there. */
async function interpreter(): Promise<string | null> {
  const extension = vscode.extensions.getExtension<PythonExtension>(PYTHON_EXTENSION);
  if (extension === undefined) {
    return null;
  }
  try {
    const { environments } = await extension.activate();
    const chosen = environments.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri);
    return (await environments.resolveEnvironment(chosen))?.executable.uri?.fsPath ?? null;
  } catch {
    // Another one's fault, and no reason to stop here.
    return null;
  }
}
