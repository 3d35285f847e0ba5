// The language client: how the server is started, and what is sent to it beyond the protocol's own. Loaded when a server
// is to be started, not when the extension is: it is most of the bundle.
import { createInterface } from "node:readline";

import * as vscode from "vscode";
import { CloseAction, ErrorAction, LanguageClient, RevealOutputChannelOn, State, TransportKind } from "vscode-languageclient/node";

import type { Engine } from "./engine/finding";
import { PROTOCOL } from "./protocol";

const SELECTOR = ["file", "untitled"].flatMap((scheme) => [
  { scheme, language: "jsonl" },
  { scheme, language: "yaml" },
  { scheme, pattern: "**/*.jsonl" },
]);

/** What a client tells. */
export interface Listener {
  /** The tuned model answered for a line (0-based) of a file. */
  readonly onAnswer: (uri: string, line: number) => void;
  /** A person had a training started. */
  readonly onTrain: () => void;
  /** The server runs now. */
  readonly onRunning: () => void;
  /** The server's process has ended, and the client did not ask it to. */
  readonly onClosed: () => void;
}

/** Its errors go to the log. What the user should know of them, the session says. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

// The library refuses VS Code 1.90 by its number. It uses nothing that came later: it compiles against that one's API,
// and the tests of the editor pass there (CODE_SERVER=4.90.3).
Object.defineProperty(LanguageClient.prototype, "checkVersion", { value: () => undefined });

/** A client for a server; not started yet. */
export function createClient(engine: Engine, output: vscode.LogOutputChannel, listener: Listener): LanguageClient {
  const run = { command: engine.command, args: [...engine.args, "server"], transport: TransportKind.stdio };
  const client = new QuietClient("lintune", "Lintune", run, {
    documentSelector: SELECTOR,
    outputChannel: output,
    stdioOptions: { stdout: logLines, stderr: logLines },
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    // The session starts another one: it looks for Python first.
    initializationFailedHandler: () => false,
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        listener.onClosed();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
    // Told of each keystroke's findings as soon as they are known, which asking for them would only delay.
    initializationOptions: () => ({
      protocol: PROTOCOL,
      trusted: vscode.workspace.isTrusted,
      showAnswers: false,
      commandLinks: true,
      diagnostics: "push",
      evalMarks: true,
      sampleEditor: true,
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
            listener.onTrain();
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
          listener.onAnswer(uri, line);
        }
        return answer;
      },
    },
  });
  client.onDidChangeState(({ newState }) => {
    if (newState === State.Running) {
      listener.onRunning();
    }
  });
  return client;
}

/** What a server writes on stderr is its log; each line names its own level. The client would call all errors. */
function logLines(input: NodeJS.ReadableStream, output: vscode.LogOutputChannel): void {
  createInterface({ input }).on("line", (line) => {
    output.info(line);
  });
}
