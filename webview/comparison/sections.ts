import type { ComparisonReport, Recommendation } from '../../src/shared/comparison-types';
import { shown } from '../../src/shared/comparison-words';
import { formatCount, formatDuration, formatLarge } from '../../src/shared/format';
import { element } from '../common/dom';
import { pairsOf, rowsOf, type ShownCell, type Whisker } from './model';

const CERTAINTY: Readonly<Record<Recommendation['certainty'], string>> = {
  clear: 'clear',
  tied: 'not told apart',
  unknown: 'not known',
};

/** What to choose for each task, in plain words, with how sure that is. */
export function recommendations({ recommendations: all }: ComparisonReport): HTMLElement[] {
  return all.map(({ probe, certainty, text }) =>
    element('div', { class: 'recommendation' }, [
      element('h3', {}, [
        probe,
        element('span', { class: 'certainty', text: CERTAINTY[certainty], attributes: { 'data-certainty': certainty } }),
      ]),
      element('p', { text }),
    ]),
  );
}

/** The table of variants and probes. */
export function resultTable(report: ComparisonReport): HTMLElement {
  const heads = report.probes.map(({ name, metric, better }) =>
    header('col', name, element('span', { class: 'muted', text: `${metric}${better === 'lower' ? ', lower is better' : ''}` })),
  );
  const rows = rowsOf(report).map(({ variant, cells }) => [header('row', variant), ...cells.map(resultCell)]);
  const floors = report.probes.some(({ floor }) => floor)
    ? [
        [
          header('row', 'without a model'),
          ...report.probes.map((probe) =>
            element('td', { class: 'muted' }, [probe.floor ? `${shown(probe.floor.value, probe)} (${probe.floor.by})` : '–']),
          ),
        ],
      ]
    : [];
  return table('Results: means over the seeds with 95 % intervals', [header('col', 'Variant'), ...heads], [...rows, ...floors]);
}

function resultCell({ value, interval, rank, mark, why, whisker }: ShownCell): HTMLElement {
  if (value === undefined)
    return element('td', { class: 'muted', attributes: why === undefined ? {} : { title: why } }, [why ?? 'not yet']);
  return element('td', { class: mark ?? '' }, [
    element('span', { class: 'value number', text: value }),
    element('span', { class: 'muted number', text: interval ?? 'one seed' }),
    whisker && whiskerOf(whisker),
    element('span', { class: 'rank muted', text: mark === 'best' ? 'best' : `${ordinal(rank)}${mark === 'tied' ? ', ≈ best' : ''}` }),
  ]);
}

const ordinal = (rank: number | undefined): string => (rank === undefined ? '' : `rank ${rank}`);

/** A dot with whiskers, between the least and the greatest value of the column. */
function whiskerOf({ low, mean, high }: Whisker): HTMLElement {
  const root = element('span', { class: 'whisker', attributes: { 'aria-hidden': 'true' } });
  for (const [name, place] of Object.entries({ low, mean, high })) root.style.setProperty(`--${name}`, String(place));
  return root;
}

/** The differences between variants, task by task. */
export function pairTables(report: ComparisonReport): HTMLElement[] {
  return report.probes.flatMap((probe) => {
    const pairs = pairsOf(report, probe);
    if (pairs.length === 0) return [];
    const heads = ['Better', 'than', 'by', 'seeds ahead', 'p', 'p corrected', ''].map((text) => header('col', text));
    const rows = pairs.map(({ better, than, by, ahead, p, adjusted, told }) => [
      header('row', better),
      ...[than, by, ahead, p, adjusted, told ? 'told apart' : 'not told apart'].map((text) => element('td', { text })),
    ]);
    return [element('h3', { text: probe.name }), table(`Differences on ${probe.name}`, heads, rows)];
  });
}

/** What each variant cost. */
export function costTable({ variants }: ComparisonReport): HTMLElement {
  const heads = ['Variant', 'objectives', 'parameters', 'steps', 'FLOP', 'tokens', 'time of steps'].map((text) => header('col', text));
  const rows = variants.map(({ name, objectives, parameters, steps, flops, tokens, seconds }) => [
    header('row', name),
    element('td', { text: objectives.join(' + ') }),
    ...[
      formatLarge(parameters),
      formatCount(steps),
      formatLarge(flops),
      formatLarge(tokens),
      seconds > 0 ? formatDuration(seconds) : '–',
    ].map((text) => element('td', { class: 'number', text })),
  ]);
  return table('What each variant cost', heads, rows);
}

/** The members and how they get on. @param open shows a member's run */
export function memberTable({ members, variants }: ComparisonReport, open: (run: string) => void): HTMLElement {
  const heads = ['Variant', 'seed', 'state', 'steps', ''].map((text) => header('col', text));
  const rows = members.map(({ variant, seed, state, step, run, message }) => {
    const steps = variants.find(({ name }) => name === variant)?.steps ?? 0;
    const button =
      run === undefined
        ? undefined
        : element('button', {
            class: 'link',
            text: variant,
            attributes: { 'aria-label': `Training chart of ${variant}, seed ${seed}` },
            on: { click: () => open(run) },
          });
    return [
      button ? header('row', '', button) : header('row', variant),
      element('td', { class: 'number', text: String(seed) }),
      element('td', {}, [element('span', { class: 'state', text: state, attributes: { 'data-state': STATES[state] } })]),
      element('td', { class: 'number', text: `${formatCount(step ?? 0)} of ${formatCount(steps)}` }),
      element('td', { class: state === 'failed' ? 'error' : 'muted', text: message ?? '' }),
    ];
  });
  return table('Members', heads, rows);
}

/** The states of runs that look the same. */
const STATES = { waiting: 'stopped', running: 'running', done: 'completed', failed: 'failed' } as const;

const header = (scope: 'row' | 'col', text: string, beside?: HTMLElement): HTMLElement =>
  element('th', { attributes: { scope } }, [text, beside]);

function table(caption: string, heads: readonly HTMLElement[], rows: readonly (readonly HTMLElement[])[]): HTMLElement {
  return element('div', { class: 'scroll', attributes: { tabindex: '0', role: 'region', 'aria-label': caption } }, [
    element('table', {}, [
      element('caption', { class: 'unseen', text: caption }),
      element('thead', {}, [element('tr', {}, heads)]),
      element(
        'tbody',
        {},
        rows.map((cells) => element('tr', {}, cells)),
      ),
    ]),
  ]);
}
