import { element } from './dom';

/**
 * Tabs over views of which one is shown. What a view holds is asked for when it is first chosen: a panel opens with one of them.
 * Keys and roles are those of https://www.w3.org/WAI/ARIA/apg/patterns/tabs/: arrows, Home and End choose.
 */
export class Tabs<T extends string> {
  readonly root: HTMLElement;
  readonly #tabs: ReadonlyMap<T, { readonly tab: HTMLElement; readonly view: HTMLElement }>;

  constructor(
    label: string,
    titles: Readonly<Record<T, string>>,
    private readonly content: (name: T) => HTMLElement,
    private readonly onChoose: (name: T) => void,
  ) {
    const entries = Object.entries(titles) as [T, string][];
    this.#tabs = new Map(
      entries.map(([name, text]) => {
        const [id, view] = [`tab-${name}`, `view-${name}`];
        const attributes = { id, role: 'tab', 'aria-controls': view };
        return [
          name,
          {
            tab: element('button', { text, attributes, on: { click: () => this.#choose(name) } }),
            view: element('div', { class: 'view', attributes: { id: view, role: 'tabpanel', 'aria-labelledby': id } }),
          },
        ];
      }),
    );
    const each = [...this.#tabs.values()];
    this.root = element('div', {}, [
      element(
        'div',
        {
          class: 'tabs',
          attributes: { role: 'tablist', 'aria-label': label },
          on: { keydown: (event) => this.#move(event as KeyboardEvent) },
        },
        each.map(({ tab }) => tab),
      ),
      ...each.map(({ view }) => view),
    ]);
  }

  /** Shows a view, as a click on its tab does, but tells nobody. */
  show(name: T): void {
    for (const [each, { tab, view }] of this.#tabs) {
      const chosen = each === name;
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      view.hidden = !chosen;
      if (chosen && !view.hasChildNodes()) view.append(this.content(name));
    }
  }

  #choose(name: T): void {
    this.show(name);
    this.onChoose(name);
  }

  #move(event: KeyboardEvent): void {
    const names = [...this.#tabs.keys()];
    const at = names.findIndex((name) => this.#tabs.get(name)?.tab === event.target);
    const places: Readonly<Record<string, number>> = { ArrowRight: (at + 1) % names.length, ArrowLeft: at - 1, Home: 0, End: -1 };
    const place = places[event.key];
    const next = place === undefined ? undefined : names.at(place);
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    this.#choose(next);
    this.#tabs.get(next)?.tab.focus();
  }
}
