// The language client: how the server is started, and what is sent to it beyond the protocol's own.
import { createInterface } from "node:readline";

import * as vscode from "vscode";
import { LanguageClient, RevealOutputChannelOn, TransportKind } from "vscode-languageclient/node";

import { PROTOCOL } from "./protocol";
import type { ServerCommand } from "./python";

const SELECTOR = ["file", "untitled"].flatMap((scheme) => [
  { scheme, language: "jsonl" },
  { scheme, language: "yaml" },
  { scheme, pattern: "**/*.jsonl" },
]);

/** A client for a server; not started yet. `onAnswer`: the tuned model answered for a line (0-based) of a file.
 * `onTrain`: a person had a training started. */
export function createClient(
  server: ServerCommand,
  output: vscode.LogOutputChannel,
  onAnswer: (uri: string, line: number) => void,
  onTrain: () => void,
): LanguageClient {
  const run = { command: server.command, args: [...server.args], transport: TransportKind.stdio };
  return new LanguageClient("lintune", "Lintune", run, {
    documentSelector: SELECTOR,
    outputChannel: output,
    stdioOptions: { stdout: logLines, stderr: logLines },
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    // Told of each keystroke's findings as soon as they are known, which asking for them would only delay.
    initializationOptions: () => ({
      protocol: PROTOCOL,
      trusted: vscode.workspace.isTrusted,
      showAnswers: false,
      commandLinks: true,
      diagnostics: "push",
      evalMarks: true,
    }),
    // Of all commands, a hover may link to this one.
    markdown: { isTrusted: { enabledCommands: ["lintune.openAnswer"] } },
    middleware: {
      // The server says nothing while it is off; this saves a question a keystroke.
      provideInlineCompletionItems: (document, position, context, token, next) =>
        vscode.workspace.getConfiguration("lintune", document).get<boolean>("inlineCompletion.enabled", false)
          ? next(document, position, context, token)
          : null,
      // A click on the lens comes here as well as our own command: the client registers the server's commands.
      executeCommand: async (command, args: unknown[], next) => {
        if (command !== "lintune.ask") {
          const done: unknown = await next(command, args);
          if ((command === "lintune.train" || command === "lintune.resume") && done === true) {
            onTrain();
          }
          return done;
        }
        const asking = { location: vscode.ProgressLocation.Window, title: "Asking the tuned model" };
        const answer: unknown = await vscode.window.withProgress(
          asking,
          async () => next(command, args) as Promise<unknown>,
        );
        const [uri, line] = args;
        // Nothing came back: the server has said why.
        if (answer && typeof uri === "string" && typeof line === "number") {
          onAnswer(uri, line);
        }
        return answer;
      },
    },
  });
}

/** What a server writes on stderr is its log; each line names its own level. The client would call all errors. */
function logLines(input: NodeJS.ReadableStream, output: vscode.LogOutputChannel): void {
  createInterface({ input }).on("line", (line) => {
    output.info(line);
  });
}

/** Tell the server that the user now trusts the workspace. */
export async function grantTrust(client: LanguageClient): Promise<void> {
  await client.sendNotification("lintune/trust", { trusted: true });
}
