// Running a command of `lintune` to its end, for what needs no language server.
import * as vscode from "vscode";

import { run } from "../engine/running";
import type { Session } from "../session";

const SHOW_OUTPUT = "Show Output";

/** Run a command of the installed package. Its last line; null when it could not be run, which was said then. */
export async function lintune(session: Session, title: string, ...words: string[]): Promise<string | null> {
  const search = await session.look();
  if (search.engine === null) {
    await session.offer(search);
    return null;
  }
  const { command, args } = search.engine;
  const progress = { location: vscode.ProgressLocation.Window, title };
  const ended = await vscode.window.withProgress(progress, () =>
    run(command, [...args, ...words], process.env, (line) => {
      session.output.info(line);
    }),
  );
  const lines = ended.output.trim().split("\n");
  if (ended.code === 0) {
    return lines.at(-1) ?? "";
  }
  // The package's own sentence for people; a usage line of one that does not know the words comes from an old one.
  const said = lines.find((line) => line.startsWith("lintune: "))?.slice("lintune: ".length);
  const message = said ?? "The installed package could not do that. The output says why; it may be too old.";
  if ((await vscode.window.showErrorMessage(message, SHOW_OUTPUT)) === SHOW_OUTPUT) {
    session.output.show();
  }
  return null;
}
