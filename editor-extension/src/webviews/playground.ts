// The playground's page: a conversation, and two models' answers to it, side by side.
import "./playground.css";

import type { Ask, Message, Place, Question, Sample, Setup, ToHost, ToPage } from "../playground/messages";
import { Adding } from "./playground/adding";
import { AnswerCard, type Answered, type Comparison, NOTHING } from "./playground/answer";
import { Conversation } from "./playground/conversation";
import { button, choice, element } from "./playground/dom";
import { ParameterFields, type Written } from "./playground/parameters";

type Marks = "none" | "other" | "reference";

/** What survives a reload. */
interface State {
  readonly place: Place;
  readonly messages: readonly Message[];
  readonly written: Written;
  readonly open: boolean;
  readonly picked: readonly string[];
  readonly answered: readonly Answered[];
  readonly sample: Sample | null;
  readonly marks: Marks;
}

const SIDES = [0, 1];
const EMPTY: readonly Message[] = [{ role: "user", content: "" }];

const vscode = acquireVsCodeApi<State>();
const before = vscode.getState();

let setup: Setup | null = null;
let place: Place = before?.place ?? {};
let picked: readonly string[] = before?.picked ?? [];
let sample: Sample | null = before?.sample ?? null;
let marks: Marks = before?.marks ?? "other";
let answered: Answered[] = SIDES.map((side) => settled(before?.answered[side]));
let asked = 0;
/** The last question to each side: what comes of earlier ones counts no more. */
const asks = SIDES.map(() => 0);

/** What of the conversation the page was drawn by: whether it is the sample's, and the one that each side was asked. */
let drawnBy = "";

const conversation = new Conversation(() => {
  // Long answers are not compared anew at each keystroke.
  if (drawnBy === ages()) {
    keep();
  } else {
    draw();
  }
});
const parameters = new ParameterFields(keep);
const cards = SIDES.map(
  (side) =>
    new AnswerCard(side === 0 ? "First" : "Second", {
      chosen: (id) => {
        picked = picked.map((one, index) => (index === side ? id : one));
        change(side, NOTHING);
      },
      again: () => {
        askModels([side]);
      },
      stop: () => {
        tell({ type: "stop", side });
      },
      copy: () => {
        tell({ type: "copy", side, text: answered[side]?.text ?? "" });
      },
      curl: () => {
        const question = questionNow();
        if (question) {
          tell({ type: "curl", side, ...question });
        }
      },
      goOn: () => {
        const { asked: before, text: content } = answered[side] ?? NOTHING;
        conversation.messages = [...before, { role: "assistant", content }, { role: "user", content: "" }];
        conversation.focus();
        draw();
      },
      add: () => {
        const { asked: before, text } = answered[side] ?? NOTHING;
        adding.open(before, text, setup?.datasets ?? []);
      },
    }),
);
const adding = new Adding({
  draft: (dataset, messages) => {
    tell({ type: "draft", dataset, messages });
  },
  add: (dataset, messages) => {
    tell({ type: "add", dataset, messages });
  },
  takeBack: (dataset) => {
    tell({ type: "takeBack", dataset });
  },
  show: (dataset, line) => {
    tell({ type: "show", dataset, line });
  },
});

const askButton = button("Ask", "primary", askOrStop, "Ask both models (Ctrl+Enter)");
const shortcut = element("kbd", { class: "dim" });
const origin = element("div", { class: "dim origin" });
const comparing = element("label", { class: "comparing" });
const reference = element("section", { class: "card reference", "aria-label": "Reference" });
const problem = element("div", { class: "problem", role: "alert", hidden: true });
const main = element(
  "main",
  {},
  origin,
  conversation.element,
  parameters.element,
  element("div", { class: "row asking" }, askButton, shortcut, comparing),
  element("div", { class: "answers" }, ...cards.map((card) => card.element)),
  reference,
  adding.element,
);
document.body.append(problem, main);

function settled(one: Answered | undefined): Answered {
  if (one === undefined || one.state === "waiting") {
    return NOTHING;
  }
  // Nobody hears the rest of it any more.
  return one.state === "writing"
    ? { ...one, state: "done", timing: { firstSeconds: null, tokensPerSecond: null, tokens: null, ended: "stopped" } }
    : one;
}

function tell(message: ToHost): void {
  vscode.postMessage(message);
}

function keep(): void {
  const { messages } = conversation;
  const { written, element: details } = parameters;
  vscode.setState({ place, messages, written, open: details.open, picked, answered, sample, marks });
}

function questionNow(): Question | null {
  const value = parameters.value;
  return value && { models: picked, messages: conversation.messages, parameters: value };
}

function isBusy(): boolean {
  return answered.some(({ state }) => state === "waiting" || state === "writing");
}

function askOrStop(): void {
  if (isBusy()) {
    stop();
  } else {
    askModels(SIDES);
  }
}

function stop(): void {
  for (const side of SIDES) {
    tell({ type: "stop", side });
  }
}

function askModels(sides: readonly number[]): void {
  const question = setup && questionNow();
  if (!question) {
    return;
  }
  if (question.messages.every(({ content }) => content.trim() === "")) {
    conversation.focus();
    return;
  }
  const questions = sides.map((side): Ask => {
    asks[side] = ++asked;
    return { side, ask: asked };
  });
  for (const side of sides) {
    answered[side] = { ...NOTHING, state: "waiting", asked: question.messages };
  }
  draw();
  cards[sides[0] ?? 0]?.element.scrollIntoView({ block: "nearest" });
  tell({ type: "ask", asks: questions, ...question });
}

function change(side: number, now: Answered): void {
  answered[side] = now;
  draw();
}

function isSame(some: readonly Message[], others: readonly Message[]): boolean {
  const same = ({ role, content }: Message, at: number) => role === others[at]?.role && content === others[at].content;
  return some.length === others.length && some.every(same);
}

/** Whether the conversation is the sample's still. */
function isOfSample(): boolean {
  return sample !== null && isSame(sample.messages, conversation.messages);
}

function isOld(side: number): boolean {
  return !isSame(answered[side]?.asked ?? [], conversation.messages);
}

function ages(): string {
  return [isOfSample(), ...SIDES.map(isOld)].join();
}

function referenceNow(): string | null {
  return isOfSample() ? (sample?.reference ?? null) : null;
}

/** What an answer is compared with. */
function comparisonOf(side: number): Comparison | null {
  const known = referenceNow();
  if (marks === "reference" && known !== null) {
    return { text: known, kind: "reference" };
  }
  const other = answered[1 - side];
  return marks !== "none" && other?.state === "done" && other.text !== "" ? { text: other.text, kind: "other" } : null;
}

function draw(): void {
  for (const side of SIDES) {
    cards[side]?.show(answered[side] ?? NOTHING, comparisonOf(side), isOld(side));
  }
  askButton.textContent = isBusy() ? "Stop" : "Ask";
  shortcut.textContent = isBusy() ? "Escape" : "Ctrl+Enter";
  askButton.title = isBusy() ? "Stop both answers (Escape)" : "Ask both models (Ctrl+Enter)";
  drawSample();
  drawnBy = ages();
  keep();
}

/** Where the conversation comes from, its reference, and what answers can be compared with. */
function drawSample(): void {
  const known = referenceNow();
  const where = sample ? `line ${sample.line + 1} of ${sample.name}` : "";
  origin.textContent = isOfSample() ? `Sample on ${where}` : `Changed from ${where}`;
  origin.hidden = sample === null;
  reference.hidden = known === null;
  reference.replaceChildren(element("h2", {}, "Reference"), element("div", { class: "answer" }, known ?? ""));
  const options = [
    { value: "none", text: "Nothing" },
    { value: "other", text: "What differs between the answers" },
    ...(known === null ? [] : [{ value: "reference", text: "What differs from the reference" }]),
  ];
  // One that a person is in is not drawn anew.
  if (comparing.querySelectorAll("option").length !== options.length) {
    const shown = known === null && marks === "reference" ? "other" : marks;
    const select = choice("What is marked in the answers", options, shown, (value) => {
      marks = value as Marks;
      draw();
    });
    comparing.replaceChildren("Mark ", select);
  }
}

function introduce(message: Extract<ToPage, { type: "setup" }>): void {
  const isFirst = setup === null && before === undefined;
  const isOther = setup !== null && setup.recipe !== message.setup.recipe;
  ({ setup, place } = message);
  problem.hidden = true;
  main.hidden = false;
  if (isFirst || isOther) {
    parameters.preset(setup);
  }
  const ids = setup.models.map(({ id }) => id);
  const usual = [setup.usual[0] ?? "", setup.usual[1] ?? setup.usual[0] ?? ""];
  picked = SIDES.map((side) => (ids.includes(picked[side] ?? "") && !isOther ? (picked[side] ?? "") : (usual[side] ?? "")));
  for (const side of SIDES) {
    cards[side]?.offer(setup.models, picked[side] ?? "");
  }
  if (message.sample) {
    sample = message.sample;
    conversation.messages = sample.messages;
    answered = SIDES.map(() => NOTHING);
    marks = sample.reference === null ? "other" : "reference";
    comparing.replaceChildren();
  }
  draw();
  if (isFirst || message.sample) {
    conversation.focus();
  }
}

function hear(message: ToPage): void {
  switch (message.type) {
    case "setup":
      introduce(message);
      break;
    case "problem":
      main.hidden = true;
      problem.hidden = false;
      problem.replaceChildren(
        element("p", {}, message.message),
        button("Try Again", "primary", () => {
          tell({ type: "ready" });
        }),
      );
      break;
    case "piece":
    case "done":
    case "failed":
      if (asks[message.side] === message.ask) {
        change(message.side, next(answered[message.side] ?? NOTHING, message));
      }
      break;
    case "copied":
      cards[message.side]?.copied(message.what);
      break;
    case "draft":
      adding.show(message.draft);
      break;
    case "added": {
      const { dataset } = message.draft;
      adding.added(message.draft, setup?.datasets.find(({ uri }) => uri === dataset)?.name ?? "the data set");
      break;
    }
    case "takenBack":
      adding.takenBack();
      break;
    case "notAdded":
      adding.refused(message.message);
      break;
  }
}

function next(now: Answered, message: Extract<ToPage, Ask>): Answered {
  switch (message.type) {
    case "piece":
      return { ...now, state: "writing", text: now.text + message.text };
    case "done":
      return { ...now, state: "done", timing: message.timing };
    case "failed":
      return { ...now, state: "failed", message: message.message };
  }
}

window.addEventListener("message", ({ data }: MessageEvent<ToPage>) => {
  hear(data);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    askModels(SIDES);
  } else if (event.key === "Escape" && isBusy()) {
    stop();
  }
});

conversation.messages = before?.messages ?? EMPTY;
parameters.written = before?.written ?? {};
parameters.element.open = before?.open ?? false;
draw();
tell({ type: "ready" });
