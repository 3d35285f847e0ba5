// A request as a command for a shell. Knows nothing of VS Code.

/** A text as one word of a POSIX shell: nothing in it means anything there. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * A POST of JSON, ready to be pasted. The key is in it: it opens nothing but a process on this machine, and only as
 * long as the window's server runs, so that a command that works at once is worth more than one that hides it.
 */
export function asCurl(url: string, key: string, body: object): string {
  return [
    `curl ${shellQuote(url)}`,
    `--header ${shellQuote(`Authorization: Bearer ${key}`)}`,
    "--header 'Content-Type: application/json'",
    `--data ${shellQuote(JSON.stringify(body))}`,
  ].join(" \\\n  ");
}
