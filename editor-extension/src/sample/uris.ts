// What a sample's document is called: its path is that of the data set in the workspace, and the line. People read it in
// tabs, breadcrumbs and messages, so it is short; only for data sets elsewhere the query has the whole URI.

export const SCHEME = "lintune-sample";
/** In the place of a line: a sample that is not in the data set yet. */
export const NEW = "new";

/** The parts of a URI that name a sample's document; `line` counts from 0. */
export interface SampleName {
  /** Path of the data set in the workspace. */
  readonly path: string;
  readonly line: number | typeof NEW;
}

/** The path of a sample's document. `datasetPath`: that of the data set in the workspace. */
export function pathOf(datasetPath: string, line: number | typeof NEW): string {
  return `/${datasetPath.replace(/^\//, "")}:${line === NEW ? NEW : line + 1}.md`;
}

/** What the path of a document names; null for none of ours. */
export function nameOf(path: string): SampleName | null {
  const [, dataset, line] = /^\/(.+):(\d+|new)\.md$/.exec(path) ?? [];
  if (dataset === undefined || line === undefined) {
    return null;
  }
  return { path: dataset, line: line === NEW ? NEW : Number(line) - 1 };
}

/** The last part of a path: “train.jsonl”. */
export function fileName(path: string): string {
  return path.split("/").pop() ?? path;
}
