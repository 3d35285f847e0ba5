// What came out, as lists and tables: stages, evaluations, the verification, files.
import { bytes, count, decimal, duration, EVALUATION_NAMES, NONE, percent, STAGE_NAMES } from "../../panel/format";
import type { Situation } from "../../panel/messages";
import { type RunRecord, STAGES } from "../../panel/record";
import { type Child, fill, h, section, table } from "./dom";

export class Stages {
  private readonly list = h("ol", { class: "stages" });
  readonly element = section("stages", "Stages", [], this.list);

  show(record: RunRecord, situation: Situation): void {
    const ended = situation.state !== "running" && situation.state !== "waiting";
    const key = JSON.stringify([[...record.stages], ended]);
    fill(this.list, key, () =>
      STAGES.map((stage) => {
        const time = record.stages.get(stage);
        const state = time === undefined ? "waits" : time.seconds === null ? (ended ? "ended" : "goes on") : "done";
        const said = { waits: "not started", "goes on": "in progress", ended: "not finished", done: duration(time?.seconds) }[state];
        const mark = { waits: "○", "goes on": "◐", ended: "✕", done: "✓" }[state];
        return h(
          "li",
          { class: state.replace(" ", "-"), "aria-current": state === "goes on" ? "step" : undefined },
          h("span", { class: "mark", "aria-hidden": "true" }, mark),
          h("span", { class: "name" }, STAGE_NAMES[stage]),
          h("span", { class: "time" }, said),
        );
      }),
    );
  }
}

export class Evaluations {
  private readonly body = h("div");
  readonly element = section("evaluations", "Evaluations", [], this.body);

  show(record: RunRecord): void {
    fill(this.body, JSON.stringify(record.evaluations), () => {
      if (record.evaluations.length === 0) {
        const without = record.started?.eval_samples === 0;
        const text = without
          ? "The recipe names no eval set. With test_datasets or val_set_size, you see here what training does to samples it has not seen."
          : "The base model is evaluated first, then every checkpoint.";
        return [h("p", { class: "empty" }, text)];
      }
      const pairs = record.evaluations.some((made) => (made.reward_accuracy ?? null) !== null);
      const columns = ["Step", "Model", "Loss", "Perplexity", "Exact match", ...(pairs ? ["Prefers the better"] : []), "Compared with before"];
      let before: number | undefined;
      const rows = record.evaluations.map((made) => {
        const verdict = compared(before, made.eval_loss, made === record.best);
        before = made.eval_loss;
        return [
          count(made.step),
          EVALUATION_NAMES[made.kind],
          decimal(made.eval_loss),
          decimal(made.perplexity),
          percent(made.exact_match),
          ...(pairs ? [percent(made.reward_accuracy)] : []),
          verdict,
        ];
      });
      const heads = columns.map((title) => ({ title, number: title !== "Model" && title !== "Compared with before" }));
      return [table("Evaluations of the run", heads, rows)];
    });
  }
}

function compared(before: number | undefined, now: number, best: boolean): Child {
  const mark = best ? h("strong", {}, " ★ best") : null;
  if (before === undefined || !Number.isFinite(before) || !Number.isFinite(now)) {
    return mark ?? NONE;
  }
  const change = before === 0 ? "" : ` by ${percent(Math.abs(now - before) / Math.abs(before))}`;
  const [kind, sign, word] = now < before ? ["better", "▼", "better"] : now > before ? ["worse", "▲", "worse"] : ["", "=", "same"];
  return h("span", { class: kind }, h("span", { class: "mark", "aria-hidden": "true" }, `${sign} `), word + (kind === "" ? "" : change), mark);
}

export class Verification {
  private readonly body = h("div");
  readonly element = section("verification", "Verification", [], this.body);

  show({ verified, stages }: RunRecord): void {
    fill(this.body, JSON.stringify([verified, stages.has("verify")]), () => {
      if (verified === null) {
        const text = stages.has("verify")
          ? "The exported files are being compared with the trained model."
          : "When files are exported, each is proven to equal the trained model.";
        return [h("p", { class: "empty" }, text)];
      }
      const checks = verified.checks.map((check) =>
        h(
          "li",
          { class: check.ok ? "holds" : "broken" },
          h("span", { class: "mark", role: "img", "aria-label": check.ok ? "Holds" : "Broken" }, check.ok ? "✓" : "✕"),
          h("div", {}, h("span", { class: "name" }, check.name), h("span", { class: "detail" }, check.detail)),
        ),
      );
      return [h("ul", { class: "checks" }, ...checks)];
    });
  }
}

export class Files {
  private readonly body = h("div");
  readonly element = section("files", "Files", [], this.body);

  show(record: RunRecord): void {
    const { artefacts, checkpoints } = record;
    this.element.hidden = artefacts.size + checkpoints.length === 0;
    const best = record.best?.step;
    fill(this.body, JSON.stringify([[...artefacts.keys()], checkpoints, best]), () => {
      const written = [...artefacts.values()].map((file) => [file.path, KINDS[file.kind] ?? file.kind, bytes(file.bytes)]);
      const saved = checkpoints.map(({ path, step }) => [
        path,
        `checkpoint of step ${count(step)}${step === best ? ", the best" : ""}`,
        NONE,
      ]);
      const heads = [{ title: "Path in the run's directory" }, { title: "What it is" }, { title: "Size", number: true }];
      return [table("Files that the run wrote", heads, [...saved, ...written])];
    });
  }
}

const KINDS: Readonly<Record<string, string>> = {
  adapter: "LoRA adapter",
  merged: "merged weights",
  gguf: "model for llama.cpp",
  adapter_gguf: "adapter for llama.cpp",
};
