// How often a server may crash before it is no longer started anew. Knows nothing of VS Code.

const AT_MOST = 5;
const WITHIN_MS = 3 * 60 * 1_000;

/** Counts crashes. */
export class Crashes {
  private times: number[] = [];

  /** It crashed. Returns whether to start it once more. */
  count(now = Date.now()): boolean {
    this.times = [...this.times.filter((time) => now - time < WITHIN_MS), now];
    return this.times.length < AT_MOST;
  }

  /** The user wants to try again. */
  forget(): void {
    this.times = [];
  }
}
