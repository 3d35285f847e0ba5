// The playground: a page on which two models answer side by side. This is the extension's half of it.
import * as vscode from "vscode";

import type { Server } from "../session";
import { pageOf, webviewOptions } from "../webview";
import { ask, type Prompt, requestOf } from "./asking";
import { asCurl } from "./curl";
import type { Ask, Draft, Place, Question, Sample, Served, Setup, ToHost, ToPage } from "./messages";
import { messageOf } from "./serving";

const VIEW = "lintune.playground";
const TITLE = "Playground";

/** The one playground of a window. */
export class Playground implements vscode.WebviewPanelSerializer {
  private panel: vscode.WebviewPanel | undefined;
  private place: Place = {};
  private setup: Setup | undefined;
  private sample: Sample | null = null;
  /** What is being answered, by side. */
  private readonly answering = new Map<number, AbortController>();
  private readonly registered: vscode.Disposable[];

  constructor(
    private readonly server: Server,
    private readonly extension: vscode.Uri,
  ) {
    this.registered = [
      vscode.window.registerWebviewPanelSerializer(VIEW, this),
      // Another server may know of other models.
      server.onDidStart(() => this.panel && void this.introduce()),
      server.onNotification("lintune/runsChanged", () => this.panel && void this.introduce()),
    ];
  }

  /** Show it, with the models of a place, and perhaps with the conversation of a sample. */
  async open(place: Place, sample: Sample | null = null): Promise<void> {
    this.place = place;
    this.sample = sample ?? this.sample;
    if (this.panel) {
      this.panel.reveal();
      await this.introduce();
      return;
    }
    // An answer goes on to be written while another tab is in front.
    const options = { ...webviewOptions(this.extension), retainContextWhenHidden: true };
    this.take(vscode.window.createWebviewPanel(VIEW, TITLE, vscode.ViewColumn.Active, options));
  }

  /** After a reload of the window: the page has kept what was on it. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: { place?: Place } | undefined): Promise<void> {
    this.place = state?.place ?? {};
    panel.webview.options = webviewOptions(this.extension);
    this.take(panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.stopAll();
    this.panel?.dispose();
    vscode.Disposable.from(...this.registered).dispose();
  }

  private take(panel: vscode.WebviewPanel): void {
    this.panel = panel;
    panel.iconPath = vscode.Uri.joinPath(this.extension, "images", "icon.png");
    panel.onDidDispose(() => {
      this.stopAll();
      this.panel = undefined;
    });
    panel.webview.onDidReceiveMessage((message: ToHost) => this.hear(message));
    panel.webview.html = pageOf(panel.webview, this.extension, "playground", TITLE);
  }

  private tell(message: ToPage): void {
    void this.panel?.webview.postMessage(message);
  }

  private async hear(message: ToHost): Promise<void> {
    switch (message.type) {
      case "ready":
        await this.introduce();
        break;
      case "ask":
        await this.answer(message, message.asks);
        break;
      case "stop":
        this.answering.get(message.side)?.abort();
        break;
      case "copy":
        await vscode.env.clipboard.writeText(message.text);
        this.tell({ type: "copied", side: message.side, what: "answer" });
        break;
      case "curl":
        await this.copyCurl(message, message.side);
        break;
      case "draft":
      case "add":
        await this.write(message.dataset, message.messages, message.type === "add");
        break;
      case "takeBack":
        await this.takeBack(message.dataset);
        break;
      case "show":
        await show(message.dataset, message.line);
        break;
    }
  }

  /** Tell the page what there is to ask. */
  private async introduce(): Promise<void> {
    try {
      this.setup = await this.server.request<Setup>("lintune/models", this.place);
    } catch (error) {
      this.tell({ type: "problem", message: messageOf(error) });
      return;
    }
    this.tell({ type: "setup", place: this.place, setup: this.setup, sample: this.sample });
    this.sample = null;
  }

  private async answer(question: Question, asks: readonly Ask[]): Promise<void> {
    for (const { side } of asks) {
      this.answering.get(side)?.abort();
    }
    const controllers = asks.map(({ side }) => {
      const controller = new AbortController();
      this.answering.set(side, controller);
      return controller;
    });
    let served: Served;
    let asked: Asked;
    try {
      [served, asked] = await Promise.all([this.serve(question.models), this.asked(question)]);
    } catch (error) {
      for (const one of asks) {
        this.tell({ type: "failed", ...one, message: messageOf(error) });
      }
      return;
    }
    await Promise.all(
      asks.map(async (one, index) => {
        const controller = controllers[index] ?? new AbortController();
        await this.hearAnswer(served, asked, question, one, controller.signal);
        if (this.answering.get(one.side) === controller) {
          this.answering.delete(one.side);
        }
      }),
    );
  }

  private async hearAnswer(
    served: Served,
    asked: Asked,
    question: Question,
    one: Ask,
    signal: AbortSignal,
  ): Promise<void> {
    const [path, body] = requestOf(asked, idOf(served, question.models, one.side), question.parameters);
    try {
      const timing = await ask(`${served.url}/${path}`, served.key, body, signal, (text) => {
        this.tell({ type: "piece", ...one, text });
      });
      this.tell({ type: "done", ...one, timing });
    } catch (error) {
      this.tell({ type: "failed", ...one, message: messageOf(error) });
    }
  }

  private serve(models: readonly string[]): Promise<Served> {
    return this.server.request<Served>("lintune/serve", { ...this.place, models: [...new Set(models)] });
  }

  /** The messages; or the prompt, where the models' files have another chat template than the recipe. */
  private async asked(question: Question): Promise<Asked> {
    return this.setup?.ownTemplate === false
      ? this.server.request<Prompt>("lintune/prompt", { ...this.place, messages: question.messages })
      : question.messages;
  }

  private async copyCurl(question: Question, side: number): Promise<void> {
    try {
      const [served, asked] = await Promise.all([this.serve(question.models), this.asked(question)]);
      const [path, body] = requestOf(asked, idOf(served, question.models, side), question.parameters);
      await vscode.env.clipboard.writeText(asCurl(`${served.url}/${path}`, served.key, body));
      this.tell({ type: "copied", side, what: "curl" });
    } catch (error) {
      void vscode.window.showErrorMessage(messageOf(error));
    }
  }

  private async write(dataset: string, messages: Question["messages"], add: boolean): Promise<void> {
    try {
      const draft = await this.server.request<Draft>(add ? "lintune/addSample" : "lintune/draftSample", {
        dataset,
        messages,
      });
      this.tell({ type: add ? "added" : "draft", draft });
    } catch (error) {
      this.tell({ type: "notAdded", message: messageOf(error) });
    }
  }

  private async takeBack(dataset: string): Promise<void> {
    try {
      await this.server.request("lintune/takeBackSample", { dataset });
      this.tell({ type: "takenBack" });
    } catch (error) {
      this.tell({ type: "notAdded", message: messageOf(error) });
    }
  }

  private stopAll(): void {
    for (const controller of this.answering.values()) {
      controller.abort();
    }
    this.answering.clear();
  }
}

type Asked = Question["messages"] | Prompt;

/** What the process calls the model of a side. */
function idOf(served: Served, models: readonly string[], side: number): string {
  const wanted = models[side] ?? "";
  return served.models[[...new Set(models)].indexOf(wanted)]?.id ?? wanted;
}

async function show(dataset: string, line: number): Promise<void> {
  const place = new vscode.Position(line, 0);
  await vscode.window.showTextDocument(vscode.Uri.parse(dataset), {
    viewColumn: vscode.ViewColumn.Beside,
    selection: new vscode.Range(place, place),
  });
}
