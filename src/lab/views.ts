import { inspect } from 'node:util';
import { formatNats } from '../shared/format';
import { tokenLabel } from '../shared/token-text';
import { quantity } from '../shared/views';
import type { HeatmapView, MapView, PredictionsView, TableView, TextView } from '../shared/views';
import type { Prediction, WordSurprisal } from '../shared/types';

/** From this surprisal on a word is marked as strongly as can be: one in ten thousand. */
const MOST_SURPRISING = Math.log(10_000);

export const predictionsView = (text: string, predictions: readonly Prediction[]): PredictionsView => ({
  kind: 'predictions',
  places: predictions.map(({ start, end, candidates, truth }) => ({
    before: text.slice(0, start),
    after: text.slice(end),
    candidates: candidates.map(({ token, probability }) => ({ text: tokenLabel(token), probability })),
    ...(truth && { truth: { text: truth.text, probability: truth.probability, rank: truth.rank } }),
  })),
});

/** @param note says what the numbers of the whole text come to */
export function surprisalView(text: string, words: readonly WordSurprisal[], note: string): TextView {
  const parts: TextView['parts'] = [];
  let end = 0;
  for (const word of words) {
    if (word.start > end) parts.push({ text: text.slice(end, word.start) });
    parts.push({
      text: text.slice(word.start, word.end),
      value: Math.min(1, word.surprisal / MOST_SURPRISING),
      title: `${formatNats(word.surprisal)} nats`,
    });
    end = word.end;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return { kind: 'text', parts, note };
}

/** The colours reach from the lowest to the highest value beside the diagonal, where each text meets itself. */
export function similarityView(texts: readonly string[], matrix: Float32Array): HeatmapView {
  const values = Array.from(matrix, quantity);
  const others = values.filter((_, i) => Math.floor(i / texts.length) !== i % texts.length);
  return { kind: 'heatmap', rows: [...texts], columns: [...texts], values, ...rangeOf(others.length > 0 ? others : values) };
}

export function rangeOf(values: readonly (number | null)[]): { low: number; high: number } {
  const low = values.reduce<number>((least, value) => Math.min(least, value ?? Infinity), Infinity);
  const high = values.reduce<number>((most, value) => Math.max(most, value ?? -Infinity), -Infinity);
  return Number.isFinite(low) && high > low
    ? { low, high }
    : { low: Number.isFinite(low) ? low - 1 : 0, high: Number.isFinite(high) ? high : 1 };
}

export const mapView = (texts: readonly string[], points: Float32Array, groups?: readonly string[]): MapView => ({
  kind: 'map',
  points: texts.flatMap((text, i) => {
    const [x, y] = [points[2 * i]!, points[2 * i + 1]!];
    return Number.isFinite(x) && Number.isFinite(y) ? [{ text, x, y, ...(groups?.[i] !== undefined && { group: groups[i] }) }] : [];
  }),
});

/** Rows as a table, one column for each key, in the order in which keys first appear. */
export function tableOf(rows: readonly object[]): TableView {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return {
    kind: 'table',
    columns,
    rows: rows.map((row) => columns.map((column) => cellOf((row as Record<string, unknown>)[column]))),
  };
}

function cellOf(value: unknown): TableView['rows'][number][number] {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number') return quantity(value) ?? String(value);
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  return inspect(value, { breakLength: Infinity });
}
