import { describe, expect, it } from 'vitest';
import { bundleOf, bundleOfView } from '../../../src/lab/display';
import { twinOf } from '../../../src/lab/html';
import { colourOf } from '../../../src/lab/html/heatmap';
import { createLab } from '../../../src/lab/lab';
import { cut, escape } from '../../../src/lab/html/text';
import { mapView, similarityView, tableOf } from '../../../src/lab/views';
import { barOf, VIEW_MIME, View } from '../../../src/shared/views';

const HOSTILE = `<script>alert("1")</script>&'\u0000`;

/** A view of each kind, with markup wherever a text may stand. */
const VIEWS: readonly View[] = [
  {
    kind: 'predictions',
    places: [
      {
        before: HOSTILE,
        after: HOSTILE,
        candidates: [{ text: HOSTILE, probability: 0.5 }],
        truth: { text: HOSTILE, probability: 0.1, rank: 3 },
      },
    ],
  },
  { kind: 'heatmap', rows: [HOSTILE, 'b'], columns: [HOSTILE, 'd'], values: [1, 0.5, 0.5, null], low: 0.5, high: 1 },
  {
    kind: 'map',
    points: [
      { text: HOSTILE, x: 0, y: 1, group: HOSTILE },
      { text: 'b', x: 0, y: 1 },
    ],
  },
  {
    kind: 'curve',
    title: HOSTILE,
    note: HOSTILE,
    plots: [
      {
        title: HOSTILE,
        steps: [1, 2, 3],
        logarithmic: false,
        series: [
          { label: HOSTILE, role: 'training', values: [3, null, 1] },
          { label: 'b', role: 'baseline', values: [2, 2, 2] },
          { label: 'c', role: 0, values: [null, null, 0] },
        ],
      },
      { title: 'nothing', steps: [], logarithmic: true, series: [] },
    ],
  },
  {
    kind: 'table',
    columns: [HOSTILE, 'n'],
    rows: [
      [HOSTILE, 1.23456],
      [null, true],
    ],
    note: HOSTILE,
  },
  { kind: 'text', parts: [{ text: HOSTILE, value: 0.5, title: HOSTILE }, { text: '\nplain' }], note: HOSTILE },
  { kind: 'bars', title: HOSTILE, bars: [HOSTILE, 'b'].map((label, i) => ({ label, value: i === 0 ? 0 : null, shown: label })) },
];

describe.each(VIEWS.map((view) => [view.kind, view] as const))('the static twin of a view: %s', (_, view) => {
  const twin = twinOf(view);
  const markup = twin['image/svg+xml'] ?? twin['text/html']!;

  it('is of data that the renderer takes', () => {
    const { [VIEW_MIME]: data } = bundleOfView(view);
    expect(View.parse(JSON.parse(JSON.stringify(data)))).toEqual(data);
  });

  it('holds what it is told as text, never as markup, and nothing that runs or is loaded', () => {
    expect(markup).not.toMatch(/<script|<img|<iframe|<a\b|\son\w+=|javascript:|href=/i);
    expect(markup).not.toContain('\u0000');
    expect(markup).toContain('&#60;script&#62;');
  });

  it('is well-formed, and has no number that is none', () => {
    const open: string[] = [];
    for (const [, close, name, rest] of markup.matchAll(/<(\/?)([a-z]+)([^>]*)>/g)) {
      if (name === 'br' || rest!.endsWith('/')) continue;
      if (close) expect(open.pop()).toBe(name);
      else open.push(name!);
    }
    expect(open).toEqual([]);
    expect(markup).not.toMatch(/="[^"]*(NaN|Infinity|undefined)/);
  });

  it('says the same as plain text', () => expect(twin['text/plain']!.length).toBeGreaterThan(0));
});

it('a heatmap of a thousand texts is a picture of means, small enough for a file', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `text ${i}`);
  const values = names.flatMap((_, i) => names.map((__, j) => (i === j ? 1 : 0)));
  const svg = twinOf({ kind: 'heatmap', rows: names, columns: names, values, low: 0, high: 1 })['image/svg+xml']!;
  expect(svg.length).toBeLessThan(500_000);
  // The diagonal of 60 blocks of 17 texts: 1/17 each.
  expect(svg.split(`fill="${colourOf(1 / 17)}"`).length - 1).toBeGreaterThan(50);
});

it('the colours grow darker with the value', () => {
  const light = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    [1, 3, 5].reduce((sum, at) => sum + parseInt(colourOf(share).slice(at, at + 2), 16), 0),
  );
  expect(light).toEqual([...light].sort((a, b) => b - a));
});

describe('a table of rows', () => {
  it('has a column for each key, and blanks where a row has none', () => {
    expect(tableOf([{ a: 1 }, { b: 'x', a: [1, 2] }])).toMatchObject({
      columns: ['a', 'b'],
      rows: [
        [1, null],
        ['[ 1, 2 ]', 'x'],
      ],
    });
  });
});

it('a value that does not say how it is shown has no bundle', () => {
  expect([bundleOf(null), bundleOf(1), bundleOf({}), bundleOf('text')]).toEqual([undefined, undefined, undefined, undefined]);
});

describe('bars', () => {
  const view = {
    kind: 'bars' as const,
    title: 'Uniformity',
    bars: [-1, 3, 0, null].map((value) => ({ label: 'run', value, shown: String(value) })),
  };

  it('stand on one zero, negative ones to its left', () => {
    expect(view.bars.map(({ value }) => barOf(value, view))).toEqual([
      { start: 0, length: 0.25 },
      { start: 0.25, length: 0.75 },
      { start: 0.25, length: 0 },
      { start: 0.25, length: 0 },
    ]);
    expect(barOf(0, { bars: [] })).toEqual({ start: 0, length: 0 });
  });
});

it('a text says without colour which of its parts are marked most', () => {
  const twin = twinOf({
    kind: 'text',
    parts: [
      { text: 'the', value: 0.1 },
      { text: 'whale', value: 0.9 },
    ],
  })['text/html'];
  expect(twin).toMatch(/<span [^>]*>the<\/span><b [^>]*>whale<\/b>/);
});

describe('what is no number, as the loss of a run that has diverged', () => {
  const lab = createLab({ folder: '.', runs: 'runs', name: 'x', signal: () => undefined, display: () => undefined });
  /** As the file has it, and the renderer reads it. */
  const kept = (value: object): View => View.parse(JSON.parse(JSON.stringify(bundleOf(value)![VIEW_MIME])));

  it('is kept in each view, and said', () => {
    expect(kept(lab.bars('Loss', { a: 2, b: NaN, c: -Infinity }))).toMatchObject({
      bars: [{ value: 2 }, { value: null, shown: 'NaN' }, { value: null, shown: '-Infinity' }],
    });
    expect(kept(lab.table([{ a: NaN, b: Infinity, c: 1 }]))).toMatchObject({ rows: [['NaN', 'Infinity', 1]] });
    expect(kept(lab.heatmap([[1, NaN], [Infinity, 3]]))).toMatchObject({ values: [1, null, null, 3], low: 1, high: 3 }); // prettier-ignore
    expect(similarityView(['a', 'b'], Float32Array.of(1, NaN, NaN, 1))).toMatchObject({ values: [1, null, null, 1] });
    expect(mapView(['a', 'b'], Float32Array.of(1, 2, NaN, 3)).points).toEqual([{ text: 'a', x: 1, y: 2 }]);
  });
});

it('a text is never cut within a character', () => {
  expect(cut('🐳🐳🐳🐳', 3)).toBe('🐳🐳…');
  expect(cut('🐳🐳🐳', 3)).toBe('🐳🐳🐳');
  expect(escape(`${'🐳'.slice(1)}<\ufffe`)).toBe('\ufffd&#60;');
});
