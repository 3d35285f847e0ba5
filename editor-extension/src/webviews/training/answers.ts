// What base and tuned model answer to samples of the eval set, beside the reference.
import { count } from "../../panel/format";
import type { Answers, AskedSample, DiffPart, SampleAnswer } from "../../panel/messages";
import { button, type Child, fill, h, section } from "./dom";

export class SampleAnswers {
  private readonly body = h("div");
  readonly element = section("answers", "Sample answers", [], this.body);

  constructor(
    private readonly open: (uri: string, line: number) => void,
    private readonly ask: () => void,
  ) {}

  show(answers: Answers | null): void {
    fill(this.body, JSON.stringify(answers), () => {
      if (answers === null) {
        return [h("p", { class: "empty" }, "Answers are read when the run has begun.")];
      }
      const asked = answers.samples.filter(({ answers: said }) => said.length > 0);
      const problem = answers.problem === null ? null : h("p", { class: "empty" }, answers.problem);
      const more =
        answers.canAsk &&
        button(answers.asking ? "Asking …" : asked.length > 0 ? "Ask for Missing Answers" : "Ask the Models", this.ask, {
          disabled: answers.asking,
        });
      const none =
        asked.length === 0 && answers.problem === null
          ? h("p", { class: "empty" }, "Nobody has asked yet. With each checkpoint, the first samples of the eval set are asked.")
          : null;
      return [...asked.map((sample) => this.sample(sample)), none, problem, more ? h("p", { class: "toolbar" }, more) : null];
    });
  }

  private sample(sample: AskedSample): HTMLElement {
    const file = decodeURIComponent(sample.uri.split("/").at(-1) ?? sample.uri);
    const place = `${file}, line ${count(sample.line + 1)}`;
    const open = button(place, () => { this.open(sample.uri, sample.line); }, {
      class: "link",
      title: "Open the sample",
    });
    return h(
      "article",
      { class: "sample", "aria-label": place },
      h("p", { class: "prompt" }, h("q", {}, sample.prompt), " ", open),
      h(
        "dl",
        {},
        ...sample.answers.flatMap((answer) => row(nameOf(answer), said(answer))),
        ...(sample.reference === null ? [] : row("Reference", h("code", {}, sample.reference))),
      ),
    );
  }
}

function row(name: string, ...value: Child[]): HTMLElement[] {
  return [h("div", {}, h("dt", {}, name), h("dd", {}, ...value))];
}

function nameOf({ model, step }: SampleAnswer): string {
  return model === "base" ? "Base model" : model === "tuned" ? "Tuned model" : `Step ${count(step)}`;
}

function said({ text, diff, equal, whole }: SampleAnswer): HTMLElement {
  const shown = diff === null ? [text === "" ? h("em", {}, "nothing") : text] : diff.map(part);
  const verdict = equal === true ? h("span", { class: "better" }, " ", h("span", { class: "mark", "aria-hidden": "true" }, "✓"), " equals the reference") : null;
  return h("span", {}, h("code", {}, ...shown), whole ? null : " …", verdict);
}

function part({ kind, text }: DiffPart): Node {
  switch (kind) {
    case "reference":
      return h("del", { "aria-label": `missing: ${text}` }, text);
    case "answer":
      return h("ins", { "aria-label": `instead: ${text}` }, text);
    default:
      return document.createTextNode(text);
  }
}
