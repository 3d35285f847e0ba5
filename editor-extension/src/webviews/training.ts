// The page of the training panel: hears of a run's events, and shows what they come to.
import "uplot/dist/uPlot.min.css";
import "./training.css";

import type { RunEvent } from "../panel/events";
import { sentence } from "../panel/format";
import type { Action, Answers, FromPage, Situation, ToPage } from "../panel/messages";
import { RunRecord } from "../panel/record";
import { SampleAnswers } from "./training/answers";
import { Charts, type ChartsState } from "./training/charts";
import { h } from "./training/dom";
import { Figures } from "./training/figures";
import { Heading } from "./training/heading";
import { Log, type LogState } from "./training/log";
import { Evaluations, Files, Stages, Verification } from "./training/results";

/** What survives a reload; `run` is read by the panel, too. */
interface State {
  readonly run: string | null;
  readonly live: boolean;
  readonly charts?: ChartsState;
  readonly log?: LogState;
}

const api = acquireVsCodeApi<State>();
const send = (message: FromPage) => {
  api.postMessage(message);
};
const state = (): State => api.getState() ?? { run: null, live: true };

let record = new RunRecord();
let situation: Situation = {
  run: null,
  live: true,
  state: "waiting",
  resumable: false,
  recipe: null,
  trusted: true,
  problem: null,
  status: "",
};
let answers: Answers | null = null;
let asked = false;
let news = false;
/** Whether all that had happened before the page was opened is read: what comes then is told. */
let upToDate = false;

const acts = {
  act: (action: Action) => {
    send({ kind: "action", action });
  },
  open: ({ path, line }: { path: string; line: number }) => {
    send({ kind: "sample", path, line: line - 1 });
  },
};
const heading = new Heading(acts);
const figures = new Figures();
const stages = new Stages();
const charts = new Charts(state().charts, (kept) => {
  api.setState({ ...state(), charts: kept });
});
const evaluations = new Evaluations();
const sampleAnswers = new SampleAnswers(
  (uri, line) => {
    send({ kind: "sample", path: uri, line });
  },
  () => {
    send({ kind: "action", action: "ask" });
  },
);
const verification = new Verification();
const files = new Files();
const log = new Log(state().log, (kept) => {
  api.setState({ ...state(), log: kept });
});
const milestones = h("div", { class: "unseen", "aria-live": "polite", role: "status" });
const parts = [stages, figures, charts, evaluations, sampleAnswers, verification, files, log];
const main = h("main", {}, heading.element, heading.notices, ...parts.map(({ element }) => element));
document.body.append(main, milestones);

addEventListener("message", ({ data }: MessageEvent<ToPage>) => {
  switch (data.kind) {
    case "situation":
      hear(data.situation);
      break;
    case "events":
      if (data.anew) {
        record = new RunRecord();
        upToDate = false;
      }
      tell(record.read(data.lines));
      news = true;
      upToDate = !data.more;
      break;
    case "answers":
      ({ answers } = data);
      break;
  }
  update();
});

function hear(now: Situation): void {
  if (now.run !== situation.run) {
    record = new RunRecord();
    answers = null;
  }
  situation = now;
  api.setState({ ...state(), run: now.run, live: now.live });
}

/** Say what happened to who listens: milestones, not steps. */
function tell(events: readonly RunEvent[]): void {
  const told = events.filter(({ event }) => event !== "progress" && event !== "stage" && event !== "artefact");
  const last = told.at(-1);
  if (upToDate && last !== undefined) {
    milestones.textContent = sentence(last);
    // Another model can be asked.
    send({ kind: "answers" });
  }
}

/** Draw what is new, once before the next frame. */
function update(): void {
  if (!asked) {
    asked = true;
    requestAnimationFrame(draw);
  }
}

function draw(): void {
  asked = false;
  performance.mark("lintune-draw");
  main.classList.toggle("nothing", situation.run === null);
  heading.show(record, situation);
  figures.show(record, situation, news);
  stages.show(record, situation);
  charts.show(record);
  evaluations.show(record);
  sampleAnswers.show(answers);
  verification.show(record);
  files.show(record);
  log.show(record);
  news = false;
  // The charts draw in a microtask of their own, which comes first.
  queueMicrotask(() => {
    performance.measure("lintune-update", "lintune-draw");
    performance.clearMarks();
  });
}

update();
send({ kind: "ready" });
