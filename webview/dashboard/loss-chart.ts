import uPlot from 'uplot';
import { formatCount, formatNats } from '../../src/shared/format';
import { element } from '../common/dom';
import { themeColour } from '../common/theme';
import type { Curves } from './model';

const HEIGHT = 220;
/** Charts of one run share their cursor. */
const CURSOR = 'run';

interface Key {
  readonly label: string;
  readonly kind: 'train' | 'held-out' | 'unigram';
}

const KEYS: readonly Key[] = [
  { label: 'training', kind: 'train' },
  { label: 'held out', kind: 'held-out' },
  { label: 'unigram entropy', kind: 'unigram' },
];

/** The loss of one objective over the steps: training (every step, and smoothed), held out, and what word frequencies alone would reach. */
export class LossChart {
  readonly root: HTMLElement;
  readonly #legend = element('dl', { class: 'legend' });
  readonly #place = element('div', { class: 'plot' });
  #plot: uPlot | undefined;
  #curves: Curves | undefined;
  #unigram: number | undefined;
  #width = 0;

  constructor(title: string) {
    this.root = element('section', { class: 'loss', attributes: { 'aria-label': `Loss, ${title}` } }, [
      element('div', { class: 'loss-head' }, [element('h2', { text: title }), this.#legend]),
      this.#place,
    ]);
    new ResizeObserver(() => this.#resize()).observe(this.#place);
  }

  /** @param unigram entropy of the unigram distribution in nats, for token losses */
  show(curves: Curves, unigram: number | undefined): void {
    this.#curves = curves;
    this.#unigram = unigram;
    this.#drawLegend();
    if (this.#plot) this.#plot.setData(this.#data());
    else this.#make();
  }

  /** Makes the chart anew, in the theme's colours. */
  restyle(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    if (this.#curves) this.#make();
  }

  #data(): uPlot.AlignedData {
    const { steps, raw, smooth, heldOut } = this.#curves!;
    const level = this.#unigram ?? null;
    return [[...steps], [...raw], [...smooth], [...heldOut], steps.map(() => level)];
  }

  #make(): void {
    this.#width = this.#place.clientWidth;
    if (this.#width === 0) return;
    const text = themeColour('descriptionForeground', 'foreground');
    const grid = themeColour('editorIndentGuide-background1', 'panel-border', 'contrastBorder');
    const [train, held, level] = [
      themeColour('charts-blue'),
      themeColour('charts-yellow'),
      themeColour('descriptionForeground', 'foreground'),
    ];
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis: uPlot.Axis = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    this.#plot = new uPlot(
      {
        width: this.#width,
        height: HEIGHT,
        legend: { show: false },
        cursor: { sync: { key: CURSOR }, y: false, points: { size: 5 } },
        scales: { x: { time: false } },
        hooks: { setCursor: [({ cursor }) => this.#drawLegend(cursor.idx ?? undefined)] },
        axes: [
          { ...axis, space: 70, size: 24, grid: { show: false }, values: (_, steps) => steps.map(formatCount) },
          { ...axis, size: 44, space: 36, values: (_, losses) => losses.map((loss) => String(Number(loss.toFixed(2)))) },
        ],
        series: [
          {},
          { stroke: `color-mix(in srgb, ${train} 30%, transparent)`, width: 1, points: { show: false } },
          { stroke: train, width: 2, points: { show: false } },
          { stroke: held, width: 2, spanGaps: true, points: { show: true, size: 5, fill: held } },
          { stroke: level, width: 1, dash: [5, 4], points: { show: false } },
        ],
      },
      this.#data(),
      this.#place,
    );
  }

  #resize(): void {
    const width = this.#place.clientWidth;
    if (width === this.#width || width === 0) return;
    this.#width = width;
    if (this.#plot) this.#plot.setSize({ width, height: HEIGHT });
    else if (this.#curves) this.#make();
  }

  /** The values under the cursor, or the newest ones. */
  #drawLegend(at?: number): void {
    const curves = this.#curves;
    if (!curves) return;
    const value = (series: readonly (number | null)[]): number | null => {
      const until = at === undefined ? series : series.slice(0, at + 1);
      return until.findLast((each) => each !== null) ?? null;
    };
    const values: Record<Key['kind'], number | null> = {
      train: value(curves.smooth),
      'held-out': value(curves.heldOut),
      unigram: this.#unigram ?? null,
    };
    this.#legend.replaceChildren(
      ...KEYS.flatMap(({ label, kind }) => {
        const shown = values[kind];
        if (shown === null) return [];
        return [
          element('div', { class: `key ${kind}` }, [
            element('dt', { text: label }),
            element('dd', { class: 'number', text: formatNats(shown), attributes: { 'data-series': kind } }),
          ]),
        ];
      }),
    );
  }
}
