// The theme's colours for what is drawn on a canvas, which knows no CSS variables.

export type Colour = "train" | "evaluation" | "baseline" | "other" | "text" | "grid" | "background";

const VARIABLES: Readonly<Record<Colour, readonly string[]>> = {
  train: ["--vscode-charts-blue"],
  evaluation: ["--vscode-charts-orange"],
  baseline: ["--vscode-charts-lines", "--vscode-descriptionForeground"],
  other: ["--vscode-charts-purple"],
  text: ["--vscode-descriptionForeground", "--vscode-foreground"],
  grid: ["--vscode-foreground"],
  background: ["--vscode-editor-background"],
};

let known = new Map<Colour, string>();

export function colour(name: Colour): string {
  const found = known.get(name) ?? read(name);
  known.set(name, found);
  return found;
}

export function font(): string {
  return `11px ${getComputedStyle(document.body).fontFamily}`;
}

/** Calls back when the theme is another: VS Code then sets classes and variables of the page anew. */
export function onTheme(changed: () => void): void {
  const watch = new MutationObserver(() => {
    known = new Map();
    changed();
  });
  watch.observe(document.documentElement, { attributes: true, attributeFilter: ["style"] });
  watch.observe(document.body, { attributes: true, attributeFilter: ["class", "data-vscode-theme-id"] });
}

function read(name: Colour): string {
  const style = getComputedStyle(document.documentElement);
  const found = VARIABLES[name].map((variable) => style.getPropertyValue(variable).trim()).find((value) => value !== "") ?? "#888";
  // Lines that help to read must not be read themselves.
  return name === "grid" ? `color-mix(in srgb, ${found} 14%, transparent)` : found;
}
