import { availableParallelism } from 'node:os';
import { LRUCache } from 'lru-cache';
import type { ModelConfig } from '../model/config';
import { scope, type Outputs } from '../onnx/graph';
import { serialiseOpen } from '../onnx/open-shapes';
import { optimise } from '../onnx/optimise';
import type { Tensor } from '../onnx/types';
import { Session, targetOf } from '../train/device';
import type { OpenedModel } from './model';

/** Graphs that are kept ready; a dropped one is freed with its last use. */
const MOST_SESSIONS = 48;

/** Looking is short: two threads answer sooner than one, and more are left to a run that may be going on. */
export const TOGETHER = { threads: Math.min(2, availableParallelism()) };
/** What goes along with typing leaves a core to the editor, which paints meanwhile. */
export const BESIDE = { threads: Math.max(1, Math.min(TOGETHER.threads, availableParallelism() - 1)) };

/** Rows that are read at once, at most: constants of a graph are as long as its longest rows are many. */
export const MOST_ROWS = 32;
/** Places that one row may ask for. */
export const MOST_SLOTS = 16;

/** The sizes of what a graph reads, open until it runs: rows, tokens of each, and places that each asks for; or vectors. */
export interface Sizes {
  readonly batch: number;
  readonly sequence: number;
  readonly slots: number;
  readonly vectors: number;
}

const sessions = new LRUCache<string, Promise<Session>>({ max: MOST_SESSIONS });

/**
 * Runs a graph on a model's parameters. Sessions are made once and kept: sizes are open and parameters are fed, so that one session serves texts of
 * every length, all checkpoints of a run, and all models of one shape.
 *
 * @param kind what the graph is known by among those of this configuration
 * @param graph writes it, with inputs `inputIds` [batch, sequence], and `slots` [batch, slots] if it asks for places; or with `vectors` [vectors, …]
 * @param options how many threads it takes
 */
export async function runOn(
  { config, parameters }: Pick<OpenedModel, 'config' | 'parameters'>,
  kind: string,
  graph: (config: ModelConfig, sizes: Sizes) => Outputs,
  feeds: ReadonlyMap<string, Tensor>,
  options = TOGETHER,
): Promise<ReadonlyMap<string, Tensor>> {
  const key = `${kind} ${options.threads} ${JSON.stringify(config)}`;
  let session = sessions.get(key);
  if (!session) {
    const { maxPositions } = config;
    const sizes = {
      batch: { input: 'inputIds', axis: 0, between: [MOST_ROWS, 2] },
      sequence: { input: 'inputIds', axis: 1, between: [maxPositions, maxPositions - 1] },
      slots: { input: 'slots', axis: 1, between: [MOST_SLOTS, 5] },
      vectors: { input: 'vectors', axis: 0, between: [3, 2] },
    } as const;
    const build = (given: Sizes): Outputs => scope('inspect', () => optimise(graph(config, given), targetOf(options)));
    session = Session.create(serialiseOpen(sizes, build, new Map()), options);
    sessions.set(key, session);
    // One that could not be made, for want of memory say, is tried again.
    session.catch(() => sessions.delete(key));
  }
  return (await session).run(new Map([...parameters, ...feeds]));
}
