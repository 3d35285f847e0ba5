// A conversation and an answer as a new sample: where to, what the linter says, added, taken back.
import type { Draft, Message, Setup } from "../../playground/messages";
import { button, choice, element, textArea } from "./dom";

/** Between a keystroke and the look at what it made. */
const REST_MS = 400;

export interface AddingActions {
  draft(dataset: string, messages: readonly Message[]): void;
  add(dataset: string, messages: readonly Message[]): void;
  takeBack(dataset: string): void;
  show(dataset: string, line: number): void;
}

/** The part of the page for it; hidden until there is something to add. */
export class Adding {
  readonly element = element("section", { class: "card adding", "aria-label": "New sample", hidden: true });
  private readonly findings = element("div", { class: "findings", role: "status" });
  private readonly addButton: HTMLButtonElement;
  private before: readonly Message[] = [];
  private answer = "";
  private dataset = "";
  private timer: number | undefined;

  constructor(private readonly actions: AddingActions) {
    this.addButton = button("Add Sample", "primary", () => {
      this.addButton.disabled = true;
      actions.add(this.dataset, this.messages);
    });
  }

  /** Offer to add it; the answer may be changed before. */
  open(before: readonly Message[], answer: string, datasets: Setup["datasets"]): void {
    [this.before, this.answer] = [before, answer];
    const known = datasets.some(({ uri }) => uri === this.dataset);
    this.dataset = known ? this.dataset : (datasets[0]?.uri ?? "");
    const text = textArea("Answer of the new sample", answer, (value) => {
      this.answer = value;
      this.lookSoon();
    });
    const options = datasets.map(({ uri, name, eval: evaluates }) => ({
      value: uri,
      text: evaluates ? `${name} (eval set)` : name,
    }));
    const where = choice("Data set", options, this.dataset, (uri) => {
      this.dataset = uri;
      this.look();
    });
    this.element.replaceChildren(
      element("h2", {}, "New sample"),
      element("p", { class: "dim" }, "The conversation that was asked, and this answer, which you can mend first:"),
      text,
      this.findings,
      element("div", { class: "row" }, element("label", {}, "Data set ", where), this.addButton, this.closing("Cancel")),
    );
    this.element.hidden = false;
    this.look();
    text.focus();
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** What the linter says of it. */
  show(draft: Draft): void {
    this.addButton.disabled = false;
    const rows = draft.findings.map(({ code, severity, message }) =>
      element("div", { class: `finding ${severity}` }, element("span", { class: "code" }, code), ` ${message}`),
    );
    const clean = element("div", { class: "finding fine" }, `No findings. It will be line ${draft.line + 1}.`);
    this.findings.replaceChildren(...(rows.length > 0 ? rows : [clean]));
    this.addButton.textContent = rows.length > 0 ? "Add Sample Anyway" : "Add Sample";
  }

  added(draft: Draft, name: string): void {
    const where = `line ${draft.line + 1} of ${name}`;
    const said = draft.saved === false ? `Added as ${where}, in the editor. Save it there.` : `Added as ${where}.`;
    const row = element("div", { class: "row" }, element("span", { role: "status" }, said));
    row.append(
      button("Show", "quiet", () => {
        this.actions.show(draft.dataset, draft.line);
      }),
    );
    if (draft.saved !== false) {
      row.append(
        button("Undo", "quiet", () => {
          this.actions.takeBack(draft.dataset);
        }),
      );
    }
    row.append(this.closing("Close"));
    this.element.replaceChildren(row);
    row.querySelector("button")?.focus();
  }

  takenBack(): void {
    this.element.replaceChildren(
      element("div", { class: "row" }, element("span", { role: "status" }, "Taken back."), this.closing("Close")),
    );
    this.element.querySelector("button")?.focus();
  }

  refused(message: string): void {
    this.addButton.disabled = true;
    const failure = element("p", { class: "failure", role: "alert" }, message);
    if (this.element.contains(this.findings)) {
      this.findings.replaceChildren(failure);
    } else {
      this.element.replaceChildren(failure, this.closing("Close"));
    }
  }

  private get messages(): readonly Message[] {
    return [...this.before, { role: "assistant", content: this.answer }];
  }

  private look(): void {
    this.addButton.disabled = true;
    this.findings.replaceChildren(element("span", { class: "dim" }, "Checking …"));
    this.actions.draft(this.dataset, this.messages);
  }

  private lookSoon(): void {
    this.addButton.disabled = true;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.look();
    }, REST_MS);
  }

  private closing(label: string): HTMLButtonElement {
    return button(label, "quiet", () => {
      this.element.hidden = true;
    });
  }
}
