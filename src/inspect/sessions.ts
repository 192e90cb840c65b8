import { availableParallelism } from 'node:os';
import { LRUCache } from 'lru-cache';
import type { ModelConfig } from '../model/config';
import { scope, type Outputs } from '../onnx/graph';
import { optimise } from '../onnx/optimise';
import { serialise } from '../onnx/serialise';
import type { Tensor } from '../onnx/types';
import { Session, targetOf } from '../train/device';
import type { OpenedModel } from './model';

/** Graphs that are kept ready; a dropped one is freed with its last use. */
const MOST_SESSIONS = 48;

/** Looking is short: two threads answer sooner than one, and more are left to a run that may be going on. */
const OPTIONS = { threads: Math.min(2, availableParallelism()) };

const sessions = new LRUCache<string, Promise<Session>>({ max: MOST_SESSIONS });

/**
 * Runs a graph on a model's parameters. Sessions are made once and kept: parameters are fed, so that all checkpoints of a run, and all models of one
 * shape, share them.
 *
 * @param key what the graph is known by among those of this configuration, its shapes included
 * @param graph writes it, under output names that the result has
 */
export async function runOn(
  { config, parameters }: Pick<OpenedModel, 'config' | 'parameters'>,
  key: string,
  graph: (config: ModelConfig) => Outputs,
  feeds: ReadonlyMap<string, Tensor>,
): Promise<ReadonlyMap<string, Tensor>> {
  const name = `${key} ${JSON.stringify(config)}`;
  let session = sessions.get(name);
  if (!session) {
    session = Session.create(
      serialise(
        optimise(
          scope('inspect', () => graph(config)),
          targetOf(OPTIONS),
        ),
      ),
      OPTIONS,
    );
    sessions.set(name, session);
  }
  return (await session).run(new Map([...parameters, ...feeds]));
}
