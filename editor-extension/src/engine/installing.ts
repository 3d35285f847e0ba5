// Installing the engine: an environment in the workspace, and the package in it, with progress that can be cancelled.
import { existsSync } from "node:fs";
import { mkdir, rm, statfs } from "node:fs/promises";
import * as path from "node:path";

import * as vscode from "vscode";

import { NOT_THEIRS } from "../documents";
import type { Session } from "../session";
import { failureOf, type Failure, stillWorks, thisSystem } from "./failures";
import type { Search } from "./finding";
import { places } from "./look";
import { phrase } from "./pipOutput";
import { run } from "./running";
import { asCommand, type Destination, type Extent, modelStep, type Purpose, type Step, steps } from "./steps";

const PURPOSES: Readonly<Record<Purpose, string>> = {
  environment: "making the environment",
  pip: "installing pip",
  linting: "linting",
  training: "training (PyTorch)",
  answers: "answers (llama.cpp)",
  model: "the example's base model",
};

/** Free room that an installation asks for: twice what was measured for a CPU; wheels are unpacked beside their files. */
const ROOM: Readonly<Record<Extent, number>> = { linting: 0.5e9, everything: 4e9 };
const TICK_MS = 1_000;

const TRY_AGAIN = "Try Again";
const COPY = "Copy Command";
const SHOW_OUTPUT = "Show Output";
const LINTING_ONLY = "Linting Only";
const OPEN_EXAMPLE = "Open Example";

/** Installs, one thing after the other. */
export class Installer implements vscode.Disposable {
  private readonly aborting = new Set<AbortController>();
  private turn: Promise<unknown> = Promise.resolve();
  private busy = false;

  constructor(
    private readonly session: Session,
    private readonly storage: vscode.Uri,
  ) {}

  /** Install the engine where it belongs; asks how much of it, unless that is said. */
  async install(said?: unknown): Promise<void> {
    if (this.busy) {
      void vscode.window.showInformationMessage("Lintune is being installed. Its progress is shown below.");
      return;
    }
    const search = await this.session.look();
    const destination = this.destinationOf(search);
    if (destination === null) {
      await this.session.offer(search);
      return;
    }
    const extent = said === "everything" || said === "linting" ? said : await chooseExtent(destination, search);
    if (extent === undefined || !(await hasRoom(destination, extent, () => this.install("linting")))) {
      return;
    }
    const planned = steps(destination, extent);
    if (await this.carryOut("Installing Lintune", planned, destination, () => this.install(extent))) {
      await this.celebrate(extent);
    }
  }

  /** Bring the package to its newest version, with the extras that are there. */
  async upgrade(): Promise<void> {
    const search = await this.session.look();
    const destination = this.destinationOf(search);
    if (destination === null || search.engine === null) {
      await this.install();
      return;
    }
    const extent = search.engine.python?.facts.train ? "everything" : "linting";
    const planned = steps(destination, extent, true);
    if (await this.carryOut("Upgrading Lintune", planned, destination, () => this.upgrade())) {
      void vscode.window.showInformationMessage("Lintune is upgraded.");
    }
  }

  /** Install the example's base model, unless it is there. */
  async installModel(): Promise<void> {
    const { engine } = await this.session.look();
    if (engine?.python && !engine.python.facts.demoModel) {
      const destination = { python: engine.python.command, make: null, pip: true };
      const planned = [modelStep(engine.python.command)];
      await this.carryOut("Installing the example's base model", planned, destination, () => this.installModel());
    }
  }

  /** Put the command that would install everything on the clipboard. */
  async copyCommand(): Promise<void> {
    const destination = this.destinationOf(await this.session.look());
    const command = destination ? asCommand(destination, "everything") : 'pip install "lintune[train,serve]"';
    await vscode.env.clipboard.writeText(command);
    void vscode.window.showInformationMessage(`Copied: ${command}`);
    this.session.watchForEngine();
  }

  dispose(): void {
    for (const controller of this.aborting) {
      controller.abort();
    }
  }

  private destinationOf(search: Search): Destination | null {
    if (search.engine !== null) {
      const python = search.engine.python;
      return python && { python: python.command, make: null, pip: python.facts.pip };
    }
    if (search.target === null) {
      return null;
    }
    const { python, environment, pip } = search.target;
    const { folders, trusted, own } = places(this.storage);
    const folder = trusted ? folders[0] : undefined;
    const make = folder === undefined ? own : path.join(folder, ".venv");
    return { python, make: environment ? null : make, pip };
  }

  /** Whether all steps went well. What went wrong was said. */
  private carryOut(
    title: string,
    planned: readonly Step[],
    destination: Destination,
    again: () => Promise<void>,
  ): Promise<boolean> {
    const carried = this.turn.then(async () => {
      this.busy = true;
      try {
        return await this.withProgress(title, planned, destination, again);
      } finally {
        this.busy = false;
      }
    });
    this.turn = carried.catch(() => undefined);
    return carried;
  }

  private async withProgress(
    title: string,
    planned: readonly Step[],
    destination: Destination,
    again: () => Promise<void>,
  ): Promise<boolean> {
    const created = destination.make !== null && !existsSync(destination.make) ? destination.make : null;
    const controller = new AbortController();
    this.aborting.add(controller);
    const done = new Set<Purpose>();
    const failed = await vscode.window.withProgress(
      {
        location: vscode.ProgressLocation.Notification,
        title: `${title} ([details](command:lintune.showOutput))`,
        cancellable: true,
      },
      async (progress, cancellation) => {
        cancellation.onCancellationRequested(() => {
          controller.abort();
        });
        for (const [index, step] of planned.entries()) {
          const number = planned.length > 1 ? `step ${String(index + 1)} of ${String(planned.length)}, ` : "";
          const failure = await this.runStep(step, `${number}${PURPOSES[step.purpose]}`, progress, controller.signal);
          if (failure !== null) {
            return { step, failure };
          }
          done.add(step.purpose);
          // From here on there are findings, while the rest is still coming.
          if (step.purpose === "linting") {
            await this.session.restart();
          }
        }
        return null;
      },
    );
    this.aborting.delete(controller);
    if (failed?.step.purpose === "environment" && created !== null) {
      await rm(created, { recursive: true, force: true });
    }
    if (failed !== null) {
      this.session.output.error(failed.failure.message);
      if (!controller.signal.aborted) {
        void tell(failed.failure, failed.step.purpose, () => again(), this.session.output);
      }
    }
    if (done.size > 0) {
      await this.session.restart();
    } else {
      await this.session.lookAgain();
    }
    return failed === null;
  }

  private async runStep(
    step: Step,
    title: string,
    progress: vscode.Progress<{ message: string }>,
    signal: AbortSignal,
  ): Promise<Failure | null> {
    const begun = Date.now();
    let now = "";
    const show = () => {
      const seconds = Math.round((Date.now() - begun) / 1_000);
      const time = `${String(Math.floor(seconds / 60))}:${String(seconds % 60).padStart(2, "0")}`;
      progress.report({ message: `${title}${now && `: ${now}`} · ${time}` });
      this.session.statusBar.installing(`${title}${now && `: ${now}`}`);
    };
    const { output } = this.session;
    output.info(`${step.command} ${step.args.join(" ")}`);
    const ticking = setInterval(show, TICK_MS);
    show();
    try {
      if (step.purpose === "environment") {
        await mkdir(path.dirname(step.args.at(-1) ?? ""), { recursive: true });
      }
      // What a user's pip is told to do elsewhere: an environment has no place for a user's packages.
      const environment = { ...process.env, PYTHONUNBUFFERED: "1", PIP_USER: "0", PIP_REQUIRE_VIRTUALENV: "0" };
      const hear = (line: string) => {
        output.info(line);
        now = phrase(line) ?? now;
      };
      const ended = await run(step.command, step.args, environment, hear, signal);
      if (signal.aborted) {
        return { message: "The installation was cancelled.", remedy: null };
      }
      return ended.code === 0 ? null : failureOf(step, ended.output, thisSystem());
    } finally {
      clearInterval(ticking);
    }
  }

  private async celebrate(extent: Extent): Promise<void> {
    const message =
      extent === "everything"
        ? "Lintune is installed: it checks your data, trains, and shows what the tuned model answers."
        : "Lintune is installed: it checks your data. Training can follow later.";
    const empty = (await vscode.workspace.findFiles("**/*.{jsonl,yaml,yml}", NOT_THEIRS, 1)).length === 0;
    const chosen = await vscode.window.showInformationMessage(message, ...(empty ? [OPEN_EXAMPLE] : []));
    if (chosen === OPEN_EXAMPLE) {
      await vscode.commands.executeCommand("lintune.openExample");
    }
  }
}

interface Choice extends vscode.QuickPickItem {
  readonly extent?: Extent;
  readonly run?: string;
}

/** How much to install, and the other ways. */
async function chooseExtent(destination: Destination, search: Search): Promise<Extent | undefined> {
  const place = destination.make ?? destination.python;
  const choices: Choice[] = [
    {
      label: "$(cloud-download) Install Everything",
      detail: "Linting, training, the tuned model's answers. About 2 GB, or more for a machine with a GPU.",
      extent: "everything",
    },
    {
      label: "$(checklist) Install Linting Only",
      detail: "Findings, fixes, hovers: about 220 MB. The rest can follow later.",
      extent: "linting",
    },
    { label: "$(copy) Copy Command", detail: asCommand(destination, "everything"), run: "lintune.copyInstallCommand" },
  ];
  if (search.engine !== null) {
    choices.push({ label: "$(arrow-up) Upgrade", detail: "To the newest version.", run: "lintune.upgrade" });
  }
  const placeHolder = `Into ${place}`;
  const chosen = await vscode.window.showQuickPick(choices, { title: "Install Lintune's Python package", placeHolder });
  if (chosen?.run !== undefined) {
    await vscode.commands.executeCommand(chosen.run);
  }
  return chosen?.extent;
}

/** Whether the disk has room; when it has not, that is said. */
async function hasRoom(destination: Destination, extent: Extent, lintingOnly: () => Promise<void>): Promise<boolean> {
  let place = destination.make ?? path.dirname(destination.python);
  while (!existsSync(place) && path.dirname(place) !== place) {
    place = path.dirname(place);
  }
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  if (free >= ROOM[extent]) {
    return true;
  }
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
  const message = `There is not enough room on the disk of ${place}: ${gigabytes(free)} GB are free, and ${gigabytes(ROOM[extent])} GB are needed.`;
  const offers = extent === "everything" && free >= ROOM.linting ? [LINTING_ONLY] : [];
  void vscode.window.showErrorMessage(message, ...offers).then((chosen) => {
    if (chosen === LINTING_ONLY) {
      void lintingOnly();
    }
  });
  return false;
}

async function tell(
  { message, remedy }: Failure,
  purpose: Purpose,
  again: () => Promise<void>,
  output: vscode.LogOutputChannel,
): Promise<void> {
  const works = stillWorks(purpose);
  const offers = [TRY_AGAIN, ...(remedy === null ? [] : [COPY]), SHOW_OUTPUT];
  const show = works === "" ? vscode.window.showErrorMessage : vscode.window.showWarningMessage;
  const chosen = await show(`${message} ${works}`.trim(), ...offers);
  if (chosen === TRY_AGAIN) {
    await again();
  } else if (chosen === COPY && remedy !== null) {
    await vscode.env.clipboard.writeText(remedy);
  } else if (chosen === SHOW_OUTPUT) {
    output.show();
  }
}

/** The commands that install. */
export function registerInstaller(session: Session, storage: vscode.Uri): [Installer, ...vscode.Disposable[]] {
  const installer = new Installer(session, storage);
  const register = (name: string, run: (said?: unknown) => unknown) => vscode.commands.registerCommand(name, run);
  return [
    installer,
    register("lintune.install", (said) => installer.install(said)),
    register("lintune.upgrade", () => installer.upgrade()),
    register("lintune.copyInstallCommand", () => installer.copyCommand()),
  ];
}
