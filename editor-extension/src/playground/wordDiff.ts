// Which words of two texts are the same.

/** A run of words that both texts have, or one of them. */
export interface Part {
  readonly text: string;
  readonly where: "both" | "left" | "right";
}

/** More words are not compared: the table of all pairs would take too long. */
const MOST_WORDS = 3_000;

/** The parts of both texts in one order, in which neither is turned around. */
export function wordDiff(left: string, right: string): Part[] {
  const [a, b] = [words(left), words(right)];
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
