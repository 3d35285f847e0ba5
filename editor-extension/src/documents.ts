// Which documents are Lintune's. The server decides what it does with each; this is only for when to start it.

/** Recipes by name, as a glob for VS Code's file search. */
export const RECIPE_FILES = "**/{recipe.yaml,recipe.yml,*.recipe.yaml,*.recipe.yml}";

/** Folders of packages, as a glob: an environment that has Lintune has its example, too. */
export const NOT_THEIRS = "**/{node_modules,.venv,venv,.conda}/**";

const RECIPE_NAME = /(^|[/\\.])recipe\.ya?ml$/;
const BASE_MODEL_KEY = /^base_model[ \t]*:/m;

/** Whether a document is a data set or a recipe. Most YAML files are neither, and need no server. */
export function concernsLintune(languageId: string, fileName: string, text: () => string): boolean {
  if (languageId === "jsonl" || fileName.endsWith(".jsonl")) {
    return true;
  }
  return languageId === "yaml" && (RECIPE_NAME.test(fileName) || BASE_MODEL_KEY.test(text()));
}
