// The action “Serve Model”.
import * as vscode from "vscode";

import type { Server } from "../session";
import { asCurl } from "./curl";
import type { Place, Served } from "./messages";

const COPY_ADDRESS = "Copy Address";
const COPY_KEY = "Copy Key";
const COPY_CURL = "Copy as curl";

/** Serve the models of a place, and tell how to reach them. */
export async function serve(server: Server, place: Place): Promise<void> {
  const starting = { location: vscode.ProgressLocation.Window, title: "Starting the model" };
  let served: Served;
  try {
    served = await vscode.window.withProgress(starting, () => server.request<Served>("lintune/serve", place));
  } catch (error) {
    void vscode.window.showErrorMessage(messageOf(error));
    return;
  }
  const names = served.models.map((model) => `${model.title} (${model.id})`).join(" and ");
  const text = `${names} answer at ${served.url}, as OpenAI's API does. After ten minutes without a question they stop.`;
  const copies: Readonly<Record<string, string>> = {
    [COPY_ADDRESS]: served.url,
    [COPY_KEY]: served.key,
    [COPY_CURL]: asCurl(`${served.url}/chat/completions`, served.key, greeting(served)),
  };
  // Who needs the address needs the key, too: the message stays until it is closed.
  for (;;) {
    const chosen = await vscode.window.showInformationMessage(text, ...Object.keys(copies));
    const copied = copies[chosen ?? ""];
    if (copied === undefined) {
      return;
    }
    await vscode.env.clipboard.writeText(copied);
    vscode.window.setStatusBarMessage("Copied", 2_000);
  }
}

/** What a person may read of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function greeting(served: Served): object {
  const model = served.models[0]?.id ?? "";
  return { model, messages: [{ role: "user", content: "Hello!" }], max_tokens: 64 };
}
