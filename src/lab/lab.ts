import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { similarities } from '../inspect/embeddings';
import { project } from '../inspect/map';
import { addedObjectives, objectives } from '../objectives';
import { UserError } from '../shared/errors';
import type { Neighbour, TextUnit, Unit } from '../shared/types';
import { quantity, type View } from '../shared/views';
import { splitUnits } from '../text/sentences';
import type { AddedObjective, Lab } from './api';
import { checkCall } from './arguments';
import { shownAs, shownBy } from './display';
import { compareFile, probeModel } from './downstream';
import { graphOf } from './graph';
import { escape } from './html';
import { defineObjective } from './objective';
import { onnx } from './onnx';
import { parts } from './parts';
import { RunShelf } from './runs';
import { experimentOf, trainRun } from './train';
import { mapView, predictionsView, rangeOf, similarityView, surprisalView, tableOf } from './views';

/** What the engine needs to know of the notebook around it. */
export interface Surroundings {
  /** From which paths are seen, an absolute path. */
  readonly folder: string;
  /** Where runs are kept, an absolute path. */
  readonly runs: string;
  /** What runs are called whose experiment has no name. */
  readonly name: string;
  /** Aborts when the cell in hand is interrupted. */
  readonly signal: () => AbortSignal | undefined;
  /** Shows a value in the output of the cell in hand; one with an `id` takes the place of the one before. */
  readonly display: (value: unknown, id?: string) => void;
}

/** Milliseconds that neighbours are looked for at a time. */
const BUDGET = 1_000;

/** The engine as cells use it, see {@link Lab}. */
export function createLab(surroundings: Surroundings): Lab {
  const { folder, signal, display } = surroundings;
  const shelf = new RunShelf(surroundings.runs, folder);
  return {
    async train(experiment, options = {}) {
      checkCall('train', { options });
      const run = await trainRun(experiment, options, surroundings);
      shelf.use(run.folder);
      return run;
    },
    run(id) {
      checkCall('run', { id });
      return shelf.find(id);
    },
    runs: () => shelf.list(),
    async mask(text, options = {}) {
      checkCall('mask', { text, options });
      const { model, top = 5 } = options;
      const predictions = await shelf.reader(model).fillMasks(text, top);
      return shownAs(predictions, () => predictionsView(text, predictions));
    },
    async surprisal(text, options = {}) {
      checkCall('surprisal', { text, options });
      const { model, quick = false } = options;
      const words = await shelf.reader(model).surprisal(text, quick, signal());
      const [nats, pieces] = words.reduce(([sum, count], word) => [sum + word.surprisal, count + word.pieces], [0, 0]);
      const note =
        pieces === 0 ? 'No word of it is known.' : `Pseudo-perplexity ${Math.exp(nats / pieces).toFixed(1)} over ${pieces} tokens.`;
      return shownAs(words, () => surprisalView(text, words, note));
    },
    async embed(texts, options = {}) {
      checkCall('embed', { texts, options });
      return shelf.reader(options.model).embed(texts, signal());
    },
    async similarity(texts, options = {}) {
      checkCall('similarity', { texts, options });
      const { model, unit } = options;
      const units = unitsOf(texts, unit);
      const reader = shelf.reader(model);
      const names = units.map(({ text }) => text);
      const matrix = await similarities(reader.model, await reader.embed(names, signal()));
      return shownAs({ units, matrix }, () => similarityView(names, matrix));
    },
    async geometry(texts, options = {}) {
      checkCall('geometry', { texts, options });
      const { model, unit } = options;
      const text = unitsOf(texts, unit)
        .map((each) => each.text.replace(/\s+/g, ' '))
        .join('\n');
      const found = await shelf.reader(model).geometry({ text, unit: 'line', limit: Infinity }, signal());
      return shownAs(found, () => tableOf([found]));
    },
    async map(texts, options = {}) {
      checkCall('map', { texts, options });
      const { model, unit, projection = 'umap', groups } = options;
      const units = unitsOf(texts, unit);
      const names = units.map(({ text }) => text);
      const map = { units, ...(await project(await shelf.reader(model).embed(names, signal()), projection, signal())) };
      return shownAs(map, () => mapView(names, map.points, groups));
    },
    async neighbours(text, options = {}) {
      checkCall('neighbours', { text, options });
      const { model, root = '.', top = 10 } = options;
      const place = resolve(folder, root);
      if (!existsSync(place))
        throw new UserError(`The folder ${place} does not exist.`, 'Set "root" to one, as it is seen from the notebook.', 'corpus');
      const found = await nearest((budget) => shelf.reader(model).neighbours(place, text, top, budget, signal()));
      return shownAs(found, () =>
        tableOf(
          found.map(({ similarity, text: sentence, path }) => ({
            similarity: Number(similarity.toFixed(3)),
            sentence,
            file: relative(folder, path),
          })),
        ),
      );
    },
    async probe(probes, options = {}) {
      checkCall('probe', { options });
      return probeModel(shelf.reader(options.model).model, probes, surroundings);
    },
    async compare(path) {
      checkCall('compare', { path });
      return compareFile(path, surroundings);
    },
    get objectives() {
      const all: AddedObjective[] = [...objectives, ...addedObjectives()].map(({ type, title, description }) => ({
        type,
        title,
        description,
      }));
      return shownAs(all, () => tableOf(all));
    },
    objective: (definition) => defineObjective(definition),
    graph: async (experiment) => graphOf(experimentOf(experiment, surroundings), signal()),
    onnx,
    parts,
    show: (value, id) => display(value, id),
    table(rows) {
      checkCall('table', { rows });
      return shownAs([...rows], () => tableOf(rows));
    },
    heatmap(matrix, names = {}) {
      checkCall('heatmap', { matrix, names });
      return heatmapOf(matrix, names);
    },
    bars(title, values) {
      checkCall('bars', { title, values });
      return shown({
        kind: 'bars',
        title,
        bars: Object.entries(values).map(([label, value]) => ({
          label,
          value: quantity(value),
          shown: String(Number(value.toPrecision(4))),
        })),
      });
    },
    html(strings, ...values) {
      if (!Array.isArray(strings))
        throw new UserError('lab.html is the tag of a template.', 'Write lab.html`<b>${text}</b>`, with no parentheses.', 'argument');
      const markup = strings.map((part, i) => (i < values.length ? part + escape(String(values[i])) : part)).join('');
      return shownBy({ html: markup }, () => ({ 'text/html': markup, 'text/plain': markup.replace(/<[^>]*>/g, '') }));
    },
  };
}

/** A view that is its own value. */
const shown = (view: View): View => shownAs(view, () => view);

function heatmapOf(
  matrix: readonly ArrayLike<number>[],
  { rows, columns }: { rows?: readonly string[]; columns?: readonly string[] },
): View {
  const width = matrix[0]?.length ?? 0;
  if (matrix.some(({ length }) => length !== width))
    throw new UserError('The rows of the matrix are of different lengths.', undefined, 'view');
  const values = matrix.flatMap((row) => Array.from(row, (value: number | bigint) => quantity(Number(value))));
  const numbered = (names: readonly string[] | undefined, count: number): string[] =>
    Array.from({ length: count }, (_, i) => names?.[i] ?? String(i + 1));
  return shown({ kind: 'heatmap', rows: numbered(rows, matrix.length), columns: numbered(columns, width), values, ...rangeOf(values) });
}

/** Texts as units: those of a list, or the parts of one text. */
function unitsOf(texts: readonly string[] | string, unit: Unit = 'sentence'): TextUnit[] {
  if (typeof texts === 'string') return splitUnits(texts, unit);
  return texts.map((text) => ({ text, start: 0, end: text.length }));
}

/** Asks until every sentence has been looked at. */
async function nearest(
  ask: (budget: number) => Promise<{ neighbours: Neighbour[]; indexed: number; total: number }>,
): Promise<Neighbour[]> {
  for (;;) {
    const { neighbours, indexed, total } = await ask(BUDGET);
    if (indexed >= total) return neighbours;
  }
}
