import { Chart } from '../common/chart';
import { element } from '../common/dom';
import type { Plot } from '../../src/shared/learning-curves';

/** A heading, its charts side by side where there is room, and a line of further metrics. */
export class Section {
  readonly #charts = new Map<string, Chart>();
  readonly #plots = element('div', { class: 'charts' });
  readonly #metrics = element('p', { class: 'metrics muted number', attributes: { 'aria-label': 'Held-out metrics' } });

  readonly root: HTMLElement;

  constructor(private readonly title: string) {
    this.root = element('section', { class: 'objective' }, [element('h2', { text: title }), this.#plots, this.#metrics]);
  }

  show(shown: readonly Plot[], metrics: readonly HTMLElement[] = []): void {
    for (const plot of shown) this.#chart(plot.title).show(plot);
    this.#metrics.replaceChildren(...metrics);
  }

  restyle(): void {
    for (const chart of this.#charts.values()) chart.restyle();
  }

  #chart(title: string): Chart {
    const there = this.#charts.get(title);
    if (there) return there;
    const chart = new Chart(title, this.title);
    this.#charts.set(title, chart);
    this.#plots.append(chart.root);
    return chart;
  }
}
