import { formatCount, formatProbability } from '../../src/shared/format';
import { barOf, type BarsView, type PredictionsView, type TableCell, type TableView, type TextView } from '../../src/shared/views';
import { element } from '../common/dom';
import type { Drawn } from './index';

/** One row of bars: what, how much, in words. */
function barRow(label: string, { start, length }: ReturnType<typeof barOf>, shown: string, right = false): HTMLElement {
  const bar = element('div', { class: 'bar' });
  const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
  Object.assign(bar.style, { marginInlineStart: percent(start), width: percent(length) });
  return element('tr', right ? { class: 'right' } : {}, [
    element('th', { text: label, attributes: { scope: 'row', dir: 'auto' } }),
    element('td', { class: 'track', attributes: { 'aria-hidden': 'true' } }, [bar]),
    element('td', { class: 'number', text: shown }),
  ]);
}

const barTable = (label: string, rows: readonly HTMLElement[]): HTMLElement =>
  element('table', { class: 'bars', attributes: { 'aria-label': label } }, [element('tbody', {}, rows)]);

/** The candidates for each hidden place. */
export function predictions({ places }: PredictionsView): Drawn {
  const cards = places.map(({ before, after, candidates, truth }) =>
    element('article', {}, [
      element('p', { class: 'context', attributes: { dir: 'auto' } }, [before, element('span', { class: 'mask', text: '[MASK]' }), after]),
      barTable(
        'Candidates and their probabilities',
        candidates.map(({ text: name, probability }) =>
          barRow(name, { start: 0, length: probability }, formatProbability(probability), name === truth?.text),
        ),
      ),
      truth &&
        element('p', {
          class: 'muted',
          text: `“${truth.text}” stands there: ${formatProbability(truth.probability)}, choice number ${formatCount(truth.rank)}.`,
        }),
    ]),
  );
  return { root: element('div', { class: 'view places' }, cards) };
}

export function bars(view: BarsView): Drawn {
  const { title } = view;
  const rows = view.bars.map(({ label, value, shown }) => barRow(label, barOf(value, view), shown));
  return { root: element('div', { class: 'view' }, [element('h3', { text: title }), barTable(title, rows)]) };
}

const showCell = (cell: TableCell): string =>
  cell === null ? '' : typeof cell === 'number' && !Number.isInteger(cell) ? String(Number(cell.toPrecision(4))) : String(cell);

export function table({ columns, rows, note }: TableView): Drawn {
  const kind = (cell: TableCell | undefined): { class?: string } => (typeof cell === 'number' ? { class: 'number' } : {});
  return {
    root: element('div', { class: 'view' }, [
      element('table', { class: 'grid' }, [
        element('thead', {}, [
          element(
            'tr',
            {},
            columns.map((column, i) => element('th', { text: column, attributes: { scope: 'col' }, ...kind(rows[0]?.[i]) })),
          ),
        ]),
        element(
          'tbody',
          {},
          rows.map((row) =>
            element(
              'tr',
              {},
              row.map((cell) => element('td', { text: showCell(cell), attributes: { dir: 'auto' }, ...kind(cell) })),
            ),
          ),
        ),
      ]),
      note === undefined ? undefined : element('p', { class: 'muted', text: note }),
    ]),
  };
}

/** A text with marks; the stronger the mark, the higher the value. */
export function text({ parts, note }: TextView): Drawn {
  const marked = parts.map(({ text: shown, value, title }) => {
    if (value === undefined) return shown;
    const part = element('span', { class: 'marked', text: shown, attributes: title === undefined ? {} : { title } });
    part.style.setProperty('--strength', Math.min(1, Math.max(0, value)).toFixed(2));
    return part;
  });
  return {
    root: element('div', { class: 'view' }, [
      element('p', { class: 'prose', attributes: { dir: 'auto' } }, marked),
      note === undefined ? undefined : element('p', { class: 'muted', text: note }),
    ]),
  };
}
