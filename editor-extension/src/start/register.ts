// The first five minutes: the commands of the walkthrough, the example, a recipe for data that has none.
import * as vscode from "vscode";

import type { Installer } from "../engine/installing";
import type { Session } from "../session";
import { openExample } from "./example";
import { newRecipe } from "./recipe";
import { fixAll, followSteps, openWalkthrough, showAnswer } from "./walkthrough";

export function registerStart(session: Session, installer: Installer): vscode.Disposable[] {
  const register = (name: string, run: (item?: unknown) => unknown) => vscode.commands.registerCommand(name, run);
  return [
    register("lintune.openWalkthrough", () => openWalkthrough(session)),
    register("lintune.openExample", () => openExample(session, installer)),
    register("lintune.newRecipe", (item) => newRecipe(session, item instanceof vscode.Uri ? item : undefined)),
    register("lintune.fixAll", () => fixAll(session)),
    register("lintune.showAnswer", showAnswer),
    ...followSteps(session),
  ];
}
