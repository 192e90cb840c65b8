/** What an element is made with. Text is always a text node: nothing that is shown is ever parsed as markup. */
export interface Properties {
  readonly class?: string;
  readonly text?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly on?: Readonly<Record<string, (event: Event) => void>>;
}

type Child = Node | string | undefined;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  children: readonly Child[] = [],
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), properties, children);
}

function fill<T extends HTMLElement>(node: T, { class: name, text, attributes = {}, on = {} }: Properties, children: readonly Child[]): T {
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value);
  for (const [event, listener] of Object.entries(on)) node.addEventListener(event, listener);
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

/** Calls back for the frame after the next one: what is there now has been painted then. */
export function afterPaint(work: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(work));
}

/** Marks a button as one that can do something now, or not. It keeps the focus, which a disabled one would lose when it is pressed for the last time. */
export function setAble(button: HTMLElement, able: boolean): void {
  button.setAttribute('aria-disabled', String(!able));
}
