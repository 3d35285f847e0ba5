// How models are to answer: fields, of which an empty one leaves it to the model.
import type { Parameters, Setup } from "../../playground/messages";
import { element, sayFault } from "./dom";

/** The fields' texts, by their names. */
export type Written = Readonly<Record<string, string>>;

interface NumberField {
  readonly name: "temperature" | "maxTokens" | "topP" | "seed";
  readonly label: string;
  readonly hint: string;
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
}

const NUMBERS: readonly NumberField[] = [
  { name: "temperature", label: "Temperature", hint: "0: the likeliest", least: 0, most: 2, whole: false },
  { name: "maxTokens", label: "Max tokens", hint: "no limit", least: 1, most: 1_000_000, whole: true },
  { name: "topP", label: "Top p", hint: "1", least: 0.01, most: 1, whole: false },
  { name: "seed", label: "Seed", hint: "random", least: 0, most: 4_294_967_295, whole: true },
];

export class ParameterFields {
  readonly element: HTMLDetailsElement;
  private readonly fields = new Map<string, HTMLInputElement | HTMLTextAreaElement>();
  private readonly faults = new Map<string, HTMLElement>();
  private readonly summary = element("span", { class: "dim" });

  constructor(private readonly changed: () => void) {
    const numbers = NUMBERS.map(({ name, label, hint }) =>
      this.field(name, label, element("input", { inputmode: "decimal", placeholder: hint, size: "8" })),
    );
    const stop = element("textarea", { rows: "1", placeholder: "One text a line", spellcheck: "false" });
    const schema = element("textarea", { rows: "2", placeholder: '{"type": "object", …}', spellcheck: "false" });
    this.element = element(
      "details",
      { class: "parameters" },
      element("summary", {}, "Parameters ", this.summary),
      element(
        "div",
        { class: "grid" },
        ...numbers,
        this.field("stop", "Stop at", stop, "wide"),
        this.field("schema", "JSON schema of the answer", schema, "wide"),
      ),
    );
    this.element.addEventListener("toggle", changed);
  }

  get written(): Written {
    return Object.fromEntries([...this.fields].map(([name, field]) => [name, field.value]));
  }

  set written(written: Written) {
    for (const [name, field] of this.fields) {
      field.value = written[name] ?? "";
    }
    this.look();
  }

  /** The recipe's, where nothing is written yet. */
  preset({ preview }: Setup): void {
    this.written = { temperature: String(preview.temperature), maxTokens: String(preview.maxTokens) };
  }

  /** null when a field holds what it cannot; then it is shown, and says so. */
  get value(): Parameters | null {
    const numbers = NUMBERS.map((field) => [field.name, this.number(field)] as const);
    const schema = this.schema();
    if (schema === undefined || numbers.some(([, value]) => value === undefined)) {
      this.element.open = true;
      this.element.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
      return null;
    }
    const stop = this.text("stop").split("\n").filter((line) => line !== "");
    const found = Object.fromEntries(numbers) as Record<NumberField["name"], number | null>;
    return { ...found, stop, schema };
  }

  private field(name: string, label: string, field: HTMLInputElement | HTMLTextAreaElement, kind = ""): HTMLElement {
    const fault = element("span", { class: "fault", id: `fault-${name}`, role: "alert" });
    field.setAttribute("aria-describedby", fault.id);
    field.addEventListener("input", () => {
      this.look();
      this.changed();
    });
    this.fields.set(name, field);
    this.faults.set(name, fault);
    return element("label", { class: kind }, element("span", {}, label), field, fault);
  }

  private look(): void {
    for (const field of NUMBERS) {
      this.number(field);
    }
    this.schema();
    const short = [
      `temperature ${this.text("temperature") || "default"}`,
      this.text("maxTokens") && `${this.text("maxTokens")} tokens at most`,
      this.text("schema") && "JSON schema",
    ];
    this.summary.textContent = short.filter(Boolean).join(" · ");
  }

  /** undefined for what is no such number. */
  private number({ name, label, least, most, whole }: NumberField): number | null | undefined {
    const text = this.text(name).trim();
    const value = Number(text);
    const fits = value >= least && value <= most && (!whole || Number.isInteger(value));
    const kind = whole ? "a whole number" : "a number";
    this.say(name, text === "" || fits ? "" : `${label} is ${kind} from ${least} to ${most.toLocaleString("en")}.`);
    return text === "" ? null : fits ? value : undefined;
  }

  private schema(): Parameters["schema"] | undefined {
    const text = this.text("schema").trim();
    let fault = "";
    let schema: unknown = null;
    if (text !== "") {
      try {
        schema = JSON.parse(text);
        fault = typeof schema === "object" && schema !== null && !Array.isArray(schema) ? "" : "A schema is an object.";
      } catch (error) {
        fault = `This is no JSON: ${error instanceof Error ? error.message : ""}.`;
      }
    }
    this.say("schema", fault);
    return fault === "" ? (schema as Parameters["schema"]) : undefined;
  }

  private text(name: string): string {
    return this.fields.get(name)?.value ?? "";
  }

  private say(name: string, fault: string): void {
    const [field, place] = [this.fields.get(name), this.faults.get(name)];
    if (field && place) {
      sayFault(field, place, fault);
    }
  }
}
