// Which words of two texts are the same.

/** A run of words that both texts have, or one of them. */
export interface Part {
  readonly text: string;
  readonly where: "both" | "left" | "right";
}

/** More words are not compared: the table of all pairs would take too long. */
const MOST_WORDS = 3_000;

/** Of the longer text's words, what two texts that are worth comparing have in common at least. */
const WORTH = 0.25;

/**
 * The parts of both texts in one order, in which neither is turned around. Of two that have little in common, all is
 * different: a word here and there that both have says nothing.
 */
export function wordDiff(left: string, right: string): Part[] {
  const parts = joined(compared(words(left), words(right)));
  const count = (text: string) => text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0;
  const same = parts.reduce((sum, { text, where }) => sum + (where === "both" ? count(text) : 0), 0);
  if (same >= WORTH * Math.max(count(left), count(right))) {
    return parts;
  }
  const all: Part[] = [
    { text: left, where: "left" },
    { text: right, where: "right" },
  ];
  return all.filter(({ text }) => text !== "");
}

/** A sign or a blank between two changes is a part of them; what is gone stands before what is new. */
function joined(parts: readonly Part[]): Part[] {
  const found: Part[] = [];
  let [left, right] = ["", ""];
  const flush = () => {
    found.push({ text: left, where: "left" }, { text: right, where: "right" });
    [left, right] = ["", ""];
  };
  parts.forEach(({ text, where }, at) => {
    const isInside = at > 0 && at < parts.length - 1 && !/[\p{L}\p{N}]/u.test(text);
    if (where === "both" && !isInside) {
      flush();
      found.push({ text, where });
    } else {
      left += where === "right" ? "" : text;
      right += where === "left" ? "" : text;
    }
  });
  flush();
  return found.filter(({ text }) => text !== "");
}

function compared(a: string[], b: string[]): Part[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) {
    start++;
  }
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) {
    end++;
  }
  const parts: Part[] = [];
  const add = (text: string, where: Part["where"]) => {
    const last = parts.at(-1);
    if (last?.where === where) {
      parts[parts.length - 1] = { text: last.text + text, where };
    } else if (text !== "") {
      parts.push({ text, where });
    }
  };
  add(a.slice(0, start).join(""), "both");
  middle(a.slice(start, a.length - end), b.slice(start, b.length - end), add);
  add(a.slice(a.length - end).join(""), "both");
  return parts;
}

/** The longest common subsequence, by the table of all pairs. */
function middle(a: string[], b: string[], add: (text: string, where: Part["where"]) => void): void {
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) {
    add(a.join(""), "left");
    add(b.join(""), "right");
    return;
  }
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [one, other] = [a[i], b[j]];
    if (one !== undefined && one === other) {
      add(one, "both");
      i++;
      j++;
    } else if (one !== undefined && (other === undefined || at(i + 1, j) >= at(i, j + 1))) {
      add(one, "left");
      i++;
    } else {
      add(other ?? "", "right");
      j++;
    }
  }
}

/** Words, the blanks between them, and each other sign by itself. */
function words(text: string): string[] {
  return text.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];
}
