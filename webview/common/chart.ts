import uPlot from 'uplot';
import { formatCount, formatNats } from '../../src/shared/format';
import { element } from './dom';
import type { Plot, Series } from '../../src/shared/learning-curves';
import { themeColour } from './theme';
import 'uplot/dist/uPlot.min.css';
import './chart.css';

const HEIGHT = 200;
/** Charts of one run share their cursor. */
const CURSOR = 'run';
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot's names of the kinds of scales exist in its types only
const LOGARITHMIC = 3 as uPlot.Scale.Distr.Logarithmic;
/** Theme colours of the parts of a sum. */
const PARTS = ['charts-blue', 'charts-yellow', 'charts-green', 'charts-purple', 'charts-orange', 'charts-red'] as const;

/** Curves over the steps or the cost of runs, under a title and a legend that shows the values under the cursor. */
export class Chart {
  readonly root: HTMLElement;
  readonly #legend = element('dl', { class: 'legend' });
  readonly #place = element('div', { class: 'plot' });
  #uplot: uPlot | undefined;
  #plot: Plot | undefined;
  #width = 0;

  /** @param about what the chart is of, for people who cannot see where it stands */
  constructor(title: string, about: string) {
    this.root = element('section', { class: 'chart', attributes: { 'aria-label': `${title}, ${about}` } }, [
      element('div', { class: 'chart-head' }, [element('h3', { text: title }), this.#legend]),
      this.#place,
    ]);
    new ResizeObserver(() => this.#resize()).observe(this.#place);
  }

  show(plot: Plot): void {
    const drawn = this.#plot?.series;
    // Data alone can change; curves of other roles have other colours.
    const same = drawn?.length === plot.series.length && plot.series.every(({ role }, i) => role === drawn[i]?.role);
    this.#plot = plot;
    this.#drawLegend();
    if (same && this.#uplot) this.#uplot.setData(dataOf(plot));
    else this.restyle();
  }

  /** Makes the chart anew, in the theme's colours. */
  restyle(): void {
    this.#uplot?.destroy();
    this.#uplot = undefined;
    if (this.#plot) this.#make(this.#plot);
  }

  #make(plot: Plot): void {
    this.#width = this.#place.clientWidth;
    if (this.#width === 0) return;
    const text = themeColour('descriptionForeground', 'foreground');
    // Fainter than any curve in every theme: the lines that high-contrast themes have are as bright as the text.
    const grid = `color-mix(in srgb, ${text} 22%, transparent)`;
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    // Between powers of ten a logarithmic scale has more lines than help.
    const filter: uPlot.Axis.Filter = (_, splits) => splits.map((split) => (!plot.logarithmic || isPowerOfTen(split) ? split : null));
    const axis: uPlot.Axis = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    this.#uplot = new uPlot(
      {
        width: this.#width,
        height: HEIGHT,
        legend: { show: false },
        cursor: { sync: { key: CURSOR }, y: false, points: { size: 5 } },
        scales: { x: { time: false }, y: plot.logarithmic ? { distr: LOGARITHMIC } : {} },
        hooks: { setCursor: [({ cursor }) => this.#drawLegend(cursor.idx ?? undefined)] },
        axes: [
          { ...axis, space: 70, size: 24, grid: { show: false }, values: (_, places) => places.map(plot.across ?? formatCount) },
          { ...axis, grid: { ...axis.grid, filter }, size: 44, space: 36, filter, values: (_, values) => values.map(formatTick) },
        ],
        series: [{}, ...plot.series.map(styleOf)],
      },
      dataOf(plot),
      this.#place,
    );
  }

  #resize(): void {
    const width = this.#place.clientWidth;
    if (width === this.#width || width === 0) return;
    this.#width = width;
    if (this.#uplot) this.#uplot.setSize({ width, height: HEIGHT });
    else this.restyle();
  }

  /** The values under the cursor, or the newest ones. */
  #drawLegend(at?: number): void {
    this.#legend.replaceChildren(
      ...(this.#plot?.series ?? []).flatMap(({ label, role, values }) => {
        const shown = values.slice(0, at === undefined ? undefined : at + 1).findLast((value) => value !== null);
        if (role === 'noise' || shown === undefined) return [];
        const key = element('div', { class: `key ${role === 'baseline' ? role : ''}` }, [
          element('dt', { text: label }),
          element('dd', { class: 'number', text: formatNats(shown) }),
        ]);
        key.style.setProperty('--curve', `var(--vscode-${colourOf(role)})`);
        return [key];
      }),
    );
  }
}

const dataOf = ({ steps, series }: Plot): uPlot.AlignedData => [[...steps], ...series.map(({ values }) => [...values])];

/** Name of a theme colour. */
function colourOf(role: Series['role']): string {
  if (typeof role === 'number') return PARTS[role % PARTS.length]!;
  return { noise: 'charts-blue', training: 'charts-blue', 'held-out': 'charts-yellow', baseline: 'descriptionForeground' }[role];
}

/** Gaps are bridged: where objectives take turns, a loss has a point in some steps only. */
function styleOf({ role }: Series): uPlot.Series {
  const colour = themeColour(colourOf(role), 'foreground');
  const line: uPlot.Series = { stroke: colour, width: 2, spanGaps: true, points: { show: false } };
  if (role === 'noise') return { ...line, stroke: `color-mix(in srgb, ${colour} 30%, transparent)`, width: 1 };
  if (role === 'held-out') return { ...line, points: { show: true, size: 5, fill: colour } };
  return role === 'baseline' ? { ...line, width: 1, dash: [5, 4] } : line;
}

const isPowerOfTen = (value: number): boolean => Number.isInteger(Number(Math.log10(value).toFixed(6)));

/** A tick of an axis; a logarithmic one leaves some without. */
const formatTick = (value: number | null): string => (value === null ? '' : String(Number(value.toPrecision(3))));
