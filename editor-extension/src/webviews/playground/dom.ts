// Elements, made in one line each.

type Attributes = Readonly<Record<string, string | boolean>>;

/** An element with attributes; `true` is one without a value, `false` none. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
  made.append(...children);
  return made;
}

/** A button; `kind` is a class. */
export function button(label: string, kind: string, pressed: () => void, title?: string): HTMLButtonElement {
  const made = element("button", { type: "button", class: kind, ...(title !== undefined && { title }) }, label);
  made.addEventListener("click", pressed);
  return made;
}

const ICONS = {
  up: "M8 3.5 3.5 8l.7.7L7.5 5.4V13h1V5.4l3.3 3.3.7-.7z",
  down: "M8 12.5 3.5 8l.7-.7 3.3 3.3V3h1v7.6l3.3-3.3.7.7z",
  remove: "m8 7.3 3.6-3.7.8.8L8.7 8l3.7 3.6-.8.8L8 8.7l-3.6 3.7-.8-.8L7.3 8 3.6 4.4l.8-.8z",
} as const;

/** A button with a picture; the label is what it is called. */
export function iconButton(icon: keyof typeof ICONS, label: string, pressed: () => void): HTMLButtonElement {
  const made = button("", "icon", pressed, label);
  made.setAttribute("aria-label", label);
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 16 16");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[icon]);
  picture.append(path);
  made.append(picture);
  return made;
}

/** A choice of one of some values. */
export function choice(
  label: string,
  options: readonly { readonly value: string; readonly text: string }[],
  value: string,
  chosen: (value: string) => void,
): HTMLSelectElement {
  const made = element("select", { "aria-label": label });
  for (const option of options) {
    made.append(element("option", { value: option.value }, option.text));
  }
  made.value = value;
  made.addEventListener("change", () => {
    chosen(made.value);
  });
  return made;
}

/** A field for text that is as high as its text. */
export function textArea(label: string, value: string, typed: (value: string) => void): HTMLTextAreaElement {
  const made = element("textarea", { "aria-label": label, rows: "1", spellcheck: "false" });
  made.value = value;
  const fit = () => {
    made.style.height = "auto";
    made.style.height = `${made.scrollHeight + 2}px`;
  };
  made.addEventListener("input", () => {
    fit();
    typed(made.value);
  });
  new ResizeObserver(fit).observe(made);
  return made;
}

/** Say a field's fault below it, and to screen readers; an empty one takes it back. */
export function sayFault(field: HTMLInputElement | HTMLTextAreaElement, place: HTMLElement, fault: string): void {
  place.textContent = fault;
  field.setAttribute("aria-invalid", String(fault !== ""));
}
