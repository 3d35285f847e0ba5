// One model's answer: which model, what it says, how fast, and what can be done with it.
import type { Message, Model, Timing } from "../../playground/messages";
import { type Part, wordDiff } from "../../playground/wordDiff";
import { button, choice, element } from "./dom";

/** What is known of an answer; all of it survives a reload. */
export interface Answered {
  readonly text: string;
  readonly state: "none" | "waiting" | "writing" | "done" | "failed";
  readonly timing: Timing | null;
  /** What went wrong. */
  readonly message: string;
  /** What was asked. */
  readonly asked: readonly Message[];
}

export const NOTHING: Answered = { text: "", state: "none", timing: null, message: "", asked: [] };

/** What a person wants done with an answer. */
export interface AnswerActions {
  chosen(model: string): void;
  again(): void;
  stop(): void;
  copy(): void;
  curl(): void;
  goOn(): void;
  add(): void;
}

/** What an answer is compared with; of a pair, each side shows what it alone has. */
export interface Comparison {
  readonly text: string;
  readonly kind: "other" | "reference";
}

const COPIED_MS = 1_500;

const ENDED: Readonly<Record<Timing["ended"], string>> = { stop: "", length: "cut at max tokens", stopped: "stopped" };

export class AnswerCard {
  readonly element: HTMLElement;
  private readonly model = element("div", { class: "model" });
  private readonly figures = element("div", { class: "figures dim", role: "status" });
  private readonly body = element("div", { class: "answer", "aria-live": "polite", tabindex: "0" });
  private readonly stop: HTMLButtonElement;
  private readonly copies: Readonly<Record<"answer" | "curl", HTMLButtonElement>>;
  private readonly again: HTMLButtonElement;
  private readonly uses: HTMLButtonElement[];

  constructor(
    private readonly name: string,
    private readonly actions: AnswerActions,
  ) {
    this.stop = button("Stop", "quiet", () => {
      actions.stop();
    });
    this.again = button("Regenerate", "quiet", () => {
      actions.again();
    });
    const copy = button("Copy", "quiet", () => {
      actions.copy();
    });
    this.uses = [
      copy,
      button("Continue", "quiet", () => {
        actions.goOn();
      }, "Take the answer into the conversation, and go on"),
      button("Add to Data Set…", "quiet", () => {
        actions.add();
      }, "Make a new sample of the conversation and this answer"),
    ];
    const curl = button("Copy as curl", "quiet", () => {
      actions.curl();
    }, "The question as a command for a terminal");
    this.copies = { answer: copy, curl };
    this.body.setAttribute("aria-label", `Answer of the ${name} model`);
    const row = element("div", { class: "row" }, this.stop, this.again, ...this.uses, curl);
    this.element = element(
      "section",
      { class: "card", "aria-label": `${name} model` },
      element("header", {}, this.model, this.figures),
      this.body,
      row,
    );
  }

  /** The models that there are, and the one that is asked here. */
  offer(models: readonly Model[], picked: string): void {
    const options = models.map(({ id, title, detail }) => ({ value: id, text: `${title} · ${detail}` }));
    const label = `${this.name} model`;
    this.model.replaceChildren(
      choice(label, options, picked, (id) => {
        this.actions.chosen(id);
      }),
    );
  }

  /** Say for a moment that something is in the clipboard. */
  copied(what: "answer" | "curl"): void {
    const copy = this.copies[what];
    const label = copy.dataset.label ?? copy.textContent;
    copy.dataset.label = label;
    copy.textContent = "Copied";
    window.setTimeout(() => {
      copy.textContent = label;
    }, COPIED_MS);
  }

  /** isOld: the conversation is another one than was asked. */
  show(answered: Answered, comparison: Comparison | null, isOld: boolean): void {
    const { state, text } = answered;
    const busy = state === "waiting" || state === "writing";
    this.element.dataset.state = state;
    this.body.setAttribute("aria-busy", String(busy));
    this.figures.textContent = figuresOf(answered, isOld);
    this.stop.hidden = !busy;
    this.again.hidden = busy || state === "none";
    this.again.textContent = state === "failed" ? "Try Again" : "Regenerate";
    for (const use of this.uses) {
      use.disabled = state !== "done" || text === "";
    }
    if (state === "writing" && this.body.dataset.writes === "yes") {
      this.write(text);
      return;
    }
    this.body.dataset.writes = state === "writing" ? "yes" : "no";
    this.body.replaceChildren(...content(answered, state === "done" ? comparison : null));
  }

  /** Only what is new is put behind what stands there: a long answer is not drawn again for each word. */
  private write(text: string): void {
    const shown = this.body.firstChild;
    if (shown instanceof Text && text.startsWith(shown.data)) {
      shown.appendData(text.slice(shown.data.length));
    } else {
      this.body.replaceChildren(text);
    }
    this.body.scrollTop = this.body.scrollHeight;
  }
}

function content({ state, text, message }: Answered, comparison: Comparison | null): (Node | string)[] {
  switch (state) {
    case "none":
      return [element("span", { class: "dim" }, "Nothing is asked yet.")];
    case "waiting":
      return [element("span", { class: "dim" }, "Asking …")];
    case "failed":
      return [...(text === "" ? [] : [text]), element("p", { class: "failure", role: "alert" }, message)];
    case "writing":
      return [text];
    case "done":
      if (text === "") {
        return [element("span", { class: "dim" }, "An empty answer.")];
      }
      return comparison ? marked(text, comparison) : [text];
  }
}

/** The answer with marks at what differs; beside a reference, also with what is missing. */
function marked(text: string, { text: other, kind }: Comparison): (Node | string)[] {
  const node = ({ text: words, where }: Part): Node | string =>
    where === "both" ? words : element(where === "left" ? "ins" : "del", {}, words);
  const parts = wordDiff(text, other);
  if (parts.every(({ where }) => where !== "both")) {
    return [element("ins", {}, text)]; // all of it differs: the other one stands beside or below
  }
  return (kind === "other" ? parts.filter(({ where }) => where !== "right") : parts).map(node);
}

function figuresOf({ state, timing }: Answered, isOld: boolean): string {
  if (state !== "done" || timing === null) {
    return "";
  }
  const { firstSeconds, tokensPerSecond, tokens, ended } = timing;
  const found = [
    tokens !== null && `${tokens.toLocaleString("en")} ${tokens === 1 ? "token" : "tokens"}`,
    tokensPerSecond !== null && tokensPerSecond > 0 && `${tokensPerSecond.toFixed(0)} tokens/s`,
    firstSeconds !== null && `first after ${firstSeconds.toFixed(2)} s`,
    ENDED[ended],
    isOld && "before your changes",
  ];
  return found.filter(Boolean).join(" · ");
}
