// Whether the extension and the installed package speak the same protocol. Knows nothing of VS Code.
import { PROTOCOL } from "../protocol";

/** They do not. */
export interface Disagreement {
  readonly older: "package" | "extension";
  readonly message: string;
}

/** What a server said when it was initialized: its capabilities and its own version, as LSP has them. */
export interface Introduction {
  readonly capabilities: { readonly experimental?: unknown };
  readonly serverInfo?: { readonly version?: string };
}

/** What is to be said when a server speaks another protocol than this extension; null when they agree. */
export function disagreement(server: Introduction, ours = PROTOCOL): Disagreement | null {
  const said = (server.capabilities.experimental as { lintune?: { protocol?: unknown } } | undefined)?.lintune;
  // Before there were such numbers, nothing was said.
  const theirs = typeof said?.protocol === "number" ? said.protocol : 0;
  if (theirs === ours) {
    return null;
  }
  const name = `The installed package lintune${server.serverInfo?.version ? ` ${server.serverInfo.version}` : ""}`;
  return theirs < ours
    ? { older: "package", message: `${name} is older than this extension. Until it is upgraded, some things will not work.` }
    : { older: "extension", message: `${name} is newer than this extension. Until the extension is updated, some things will not work.` };
}
