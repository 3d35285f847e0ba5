// Making elements. Texts are texts: nothing here reads HTML.

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
export type Child = Node | string | null | undefined | false;

/** An element; a number or text attribute is set as it is, `true` as an empty one. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.filter((child): child is Node | string => isShown(child)));
  return element;
}

export function button(label: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = h("button", { type: "button", ...attributes }, label);
  element.addEventListener("click", act);
  return element;
}

/** A section with a heading, which names it for those who cannot see it; beside it, `tools`. */
export function section(id: string, title: string, tools: Child[], ...children: Child[]): HTMLElement {
  const head = h(
    "div",
    { class: "head" },
    h("h2", { id: `${id}-title` }, title),
    tools.length > 0 && h("div", { class: "tools" }, ...tools),
  );
  return h("section", { id, "aria-labelledby": `${id}-title` }, head, ...children);
}

export interface TableColumn {
  readonly title: string;
  readonly number?: boolean;
}

/** A table, the first column of which names its rows. */
export function table(caption: string, columns: readonly TableColumn[], rows: readonly (readonly Child[])[]): HTMLElement {
  const kind = (index: number) => (columns[index]?.number ? "number" : undefined);
  const head = columns.map(({ title }, index) => h("th", { scope: "col", class: kind(index) }, title));
  const body = rows.map((cells) =>
    h(
      "tr",
      {},
      ...cells.map((cell, index) =>
        index === 0 ? h("th", { scope: "row", class: kind(index) }, cell) : h("td", { class: kind(index) }, cell),
      ),
    ),
  );
  const whole = h(
    "table",
    {},
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, ...head)),
    h("tbody", {}, ...body),
  );
  // What is wider than the page scrolls by itself, by the keyboard, too.
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": caption }, whole);
}

/** Set an element's children only when what they are made of is another: focus and selection stay. */
export function fill(element: HTMLElement, key: string, make: () => Child[]): void {
  if (element.dataset.key !== key) {
    element.dataset.key = key;
    element.replaceChildren(...make().filter((child): child is Node | string => isShown(child)));
  }
}

function isShown(child: Child): boolean {
  return child !== null && child !== undefined && child !== false;
}
