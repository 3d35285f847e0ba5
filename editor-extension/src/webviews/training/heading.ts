// What run this is, how it is, and what can be done with it; and what to know of it first.
import { count, runTime, STATES } from "../../panel/format";
import type { Action, Situation } from "../../panel/messages";
import type { RunRecord } from "../../panel/record";
import type { SamplePlace } from "../../panel/events";
import { button, type Child, fill, h } from "./dom";

export interface Acts {
  act(action: Action): void;
  open(place: SamplePlace): void;
}

const LABELS: Readonly<Record<Action, string>> = {
  train: "Train Again",
  stop: "Stop",
  pause: "Pause",
  resume: "Resume",
  recipe: "Open Recipe",
  card: "Open Model Card",
  output: "Show Output",
  restart: "Restart Language Server",
  trust: "Manage Workspace Trust",
  ask: "Ask the Models",
};

export class Heading {
  readonly element = h("header");
  readonly notices = h("div", { class: "notices" });
  private readonly title = h("h1", { tabindex: -1 });
  private readonly state = h("span", { class: "badge" });
  private readonly facts = h("p", { class: "facts" });
  private readonly tools = h("div", { class: "toolbar", role: "toolbar", "aria-label": "Actions on the run" });

  constructor(private readonly acts: Acts) {
    this.element.append(h("div", { class: "title" }, this.title, this.state), this.tools, this.facts);
  }

  show(record: RunRecord, situation: Situation): void {
    const { state, run } = situation;
    const name = situation.recipe === null ? null : folderOf(situation.recipe);
    this.title.textContent = name ?? (run === null ? "Training" : runTime(run));
    this.state.textContent = STATES[state];
    this.state.className = `badge ${state}`;
    const { started } = record;
    const facts = [
      run === null ? null : `Run of ${runTime(run)}`,
      started?.base_model,
      started && `${count(started.samples)} samples`,
      started?.warm_start ? `goes on from ${runTime(started.warm_start.run)}` : null,
      started?.device,
    ].filter((fact) => fact !== null && fact !== undefined);
    this.facts.textContent = facts.join(" · ");
    const actions = actionsOf(situation);
    fill(this.tools, `${actions.join()} ${run}`, () =>
      actions.map((action, index) =>
        this.button(action, index === 0 && action !== "recipe", run === null && action === "train" ? "Train" : undefined),
      ),
    );
    this.notify(record, situation);
  }

  private notify(record: RunRecord, situation: Situation): void {
    const { last } = record;
    const about: Child[] = [];
    const key = JSON.stringify([situation, last?.event === "progress" ? null : last, [...record.warnings.keys()]]);
    fill(this.notices, key, () => {
      if (situation.problem !== null) {
        about.push(this.notice("error", situation.problem, [], ["restart", "output"]));
      }
      if (!situation.trusted) {
        const text = "Nothing trains in a workspace that is not trusted. You can look at its runs.";
        about.push(this.notice("info", text, [], ["trust"]));
      }
      about.push(this.ofState(record, situation));
      for (const warning of record.warnings.values()) {
        const where = warning.epoch ? ` Stop at epoch ${warning.epoch.toFixed(warning.epoch % 1 === 0 ? 0 : 1)}.` : "";
        const said = /epoch/i.test(warning.message) ? "" : where;
        about.push(this.notice("warning", warning.message + said, warning.samples ?? [], []));
      }
      return about;
    });
  }

  private ofState({ last, verified }: RunRecord, { state, resumable, status }: Situation): Child {
    switch (state) {
      case "failed":
        return last?.event === "run_failed"
          ? this.notice("error", last.message, last.samples ?? [], ["output"])
          : null;
      case "dead":
        return this.notice(
          "error",
          `The process that trained was killed, perhaps because memory ran out.${resumable ? " The run can go on where it left off." : ""}`,
          [],
          ["output"],
        );
      case "paused":
        return this.notice("info", "The run rests, and its machine is free. It can go on where it left off.", [], []);
      case "gone":
        return this.notice("info", "The run's directory was deleted. What is shown was read before.", [], []);
      case "waiting":
        return this.notice("info", status || "The training is being prepared.", [], []);
      case "none":
        return this.notice("info", status || "Nothing was trained here yet.", [], []);
      default:
        return verified?.ok === false
          ? this.notice("error", "The exported model does not equal the trained one. The verification says where.", [], [])
          : null;
    }
  }

  private notice(kind: "error" | "warning" | "info", text: string, samples: readonly SamplePlace[], actions: Action[]): Node {
    const name = { error: "Error", warning: "Warning", info: "Note" }[kind];
    const places = samples.map((place) =>
      button(`${place.path}, line ${count(place.line)}`, () => { this.acts.open(place); }, { class: "link" }),
    );
    return h(
      "div",
      { class: `notice ${kind}`, role: kind === "error" ? "alert" : "note" },
      h("p", {}, h("strong", { class: kind === "info" && "unseen" }, `${name}: `), text),
      places.length > 0 && h("p", { class: "places" }, ...places),
      actions.length > 0 && h("p", { class: "toolbar" }, ...actions.map((action) => this.button(action, false))),
    );
  }

  private button(action: Action, first: boolean, label = LABELS[action]): HTMLButtonElement {
    return button(label, () => { this.acts.act(action); }, { class: first ? "primary" : undefined });
  }
}

/** What can be done, the likeliest first. */
function actionsOf({ state, trusted, resumable, recipe, problem }: Situation): Action[] {
  const open: Action[] = recipe === null ? [] : ["recipe"];
  if (problem !== null || !trusted) {
    return state === "finished" ? ["card", ...open] : open;
  }
  if (state === "running") {
    return ["pause", "stop", ...open];
  }
  if (state === "waiting") {
    return ["stop", ...open];
  }
  const train: Action[] = recipe === null ? [] : ["train"];
  return [...(resumable ? ["resume" as const] : []), ...train, ...(state === "finished" ? ["card" as const] : []), ...open];
}

function folderOf(recipe: string): string {
  const parts = decodeURIComponent(recipe).split("/");
  return parts.at(-2) ?? recipe;
}
