// The conversation that is asked: its turns can be written, added, removed and put in another order.
import type { Message } from "../../playground/messages";
import { button, choice, element, iconButton, textArea } from "./dom";

const ROLES = ["system", "user", "assistant"];
const NAMES: Readonly<Record<string, string>> = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" };
const HINTS: Readonly<Record<string, string>> = {
  system: "How the model is to behave",
  user: "What the model is asked",
  assistant: "What the model said",
};

export class Conversation {
  readonly element: HTMLElement;
  private readonly list = element("ol", { class: "turns" });
  private readonly addSystem: HTMLButtonElement;
  private turns: Message[] = [];

  constructor(private readonly changed: () => void) {
    const add = (role: string) =>
      button(`Add ${NAMES[role] ?? role}`, "quiet", () => {
      this.add(role);
    });
    this.addSystem = add("system");
    this.element = element(
      "section",
      { "aria-label": "Conversation" },
      this.list,
      element("div", { class: "row" }, add("user"), add("assistant"), this.addSystem),
    );
  }

  get messages(): readonly Message[] {
    return [...this.turns];
  }

  set messages(messages: readonly Message[]) {
    this.turns = [...messages];
    this.draw();
  }

  /** Put the cursor into the last turn. */
  focus(): void {
    this.focusOn(this.turns.length - 1);
  }

  private add(role: string): void {
    const at = role === "system" ? 0 : this.turns.length;
    this.turns.splice(at, 0, { role, content: "" });
    this.redraw(at);
  }

  private remove(at: number): void {
    this.turns.splice(at, 1);
    this.redraw(Math.min(at, this.turns.length - 1));
  }

  private move(at: number, to: number): void {
    const [turn] = to >= 0 && to < this.turns.length ? this.turns.splice(at, 1) : [];
    if (turn) {
      this.turns.splice(to, 0, turn);
      this.redraw(to);
    }
  }

  private replace(at: number, part: Partial<Message>): void {
    const turn = this.turns[at];
    if (turn) {
      this.turns[at] = { ...turn, ...part };
      this.changed();
    }
  }

  private redraw(focus: number): void {
    this.draw();
    this.focusOn(focus);
    this.changed();
  }

  private focusOn(at: number): void {
    const text = this.list.children[at]?.querySelector("textarea");
    text?.focus();
    text?.setSelectionRange(text.value.length, text.value.length);
  }

  private draw(): void {
    this.list.replaceChildren(...this.turns.map((turn, at) => this.turn(turn, at)));
    this.addSystem.hidden = this.turns.some(({ role }) => role === "system");
  }

  private turn({ role, content }: Message, at: number): HTMLElement {
    const number = `turn ${at + 1}`;
    const text = textArea(`Text of ${number}`, content, (value) => {
      this.replace(at, { content: value });
    });
    text.placeholder = HINTS[role] ?? "";
    text.addEventListener("keydown", (event) => {
      if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
        event.preventDefault();
        this.move(at, event.key === "ArrowUp" ? at - 1 : at + 1);
      }
    });
    const roles = ROLES.includes(role) ? ROLES : [...ROLES, role];
    const options = roles.map((value) => ({ value, text: NAMES[value] ?? value }));
    const who = choice(`Role of ${number}`, options, role, (value) => {
      this.replace(at, { role: value });
      text.placeholder = HINTS[value] ?? "";
    });
    const up = iconButton("up", `Move ${number} up (Alt+Up)`, () => {
      this.move(at, at - 1);
    });
    const down = iconButton("down", `Move ${number} down (Alt+Down)`, () => {
      this.move(at, at + 1);
    });
    up.disabled = at === 0;
    down.disabled = at === this.turns.length - 1;
    const remove = iconButton("remove", `Remove ${number}`, () => {
      this.remove(at);
    });
    return element("li", { class: "turn" }, who, text, element("div", { class: "tools" }, up, down, remove));
  }
}
