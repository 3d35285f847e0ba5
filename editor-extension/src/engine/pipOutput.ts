// What pip says, in the few words that a person wants to see meanwhile. Knows nothing of VS Code.

/** What a line of pip's output says about what goes on; null when it is only detail. */
export function phrase(line: string): string | null {
  const text = line.trim();
  const download = /^(?:Downloading|Using cached|Processing) (\S+?)(?:\.metadata)?(?: \(([\d.]+ [kMG]?B)\))?(?: \(from .*)?$/.exec(text);
  if (download?.[1] !== undefined && !text.includes(".metadata")) {
    const size = download[2] === undefined ? "" : ` (${download[2]})`;
    const verb = text.startsWith("Downloading") ? "downloading" : "reading";
    return `${verb} ${nameOf(download[1])}${size}`;
  }
  const collecting = /^Collecting ([\w.-]+)/.exec(text);
  if (collecting?.[1] !== undefined) {
    return `looking for ${collecting[1]}`;
  }
  const building = /^Building wheels? for (?:collected packages: )?([\w.-]+)/.exec(text);
  if (building?.[1] !== undefined) {
    return building[1].startsWith("llama") ? "compiling llama.cpp, some minutes, only this once" : `building ${building[1]}`;
  }
  const installing = /^Installing collected packages: (.+)$/.exec(text);
  if (installing?.[1] !== undefined) {
    const count = installing[1].split(",").length;
    return `unpacking ${String(count)} ${count === 1 ? "package" : "packages"}`;
  }
  return null;
}

/** The package of a file: `torch-2.13.0-cp311-….whl` is `torch`. */
function nameOf(file: string): string {
  const base = file.split(/[/\\]/).at(-1) ?? file;
  return /^(.+?)-\d/.exec(base)?.[1]?.replaceAll("_", "-") ?? base;
}
