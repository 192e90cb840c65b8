import { join } from 'node:path';
import { partsOf } from '../objectives/show';
import { serialise } from '../onnx/serialise';
import { tensor } from '../onnx/types';
import { UserError } from '../shared/errors';
import type { TrainingBatch } from '../shared/types';
import { Tokenizer } from '../text/tokenizer';
import { loadState, newestReadable } from '../train/checkpoint';
import { compileParts, feedsOf, PART, STEP_KEY } from '../train/compile';
import { Session } from '../train/device';
import { loadRun } from '../train/experiment';
import { stepKeyAt } from '../train/plan';
import { setUp } from '../train/setup';
import { objectives } from '../objectives';
import { runOfModel } from './model';

/** Examples of a batch that are told of. */
const MOST_EXAMPLES = 32;

export interface BatchQuery {
  /** From 0; the one after the checkpoint when absent. */
  readonly step?: number | undefined;
  /** One of the run's; its first when absent. */
  readonly objective?: string | undefined;
}

/**
 * What a run trains on in a step, for one of its objectives, read by its newest checkpoint or by the one that `model` names. The batch is that of the step
 * itself, and so is all that is random in the loss: for the step that follows a checkpoint the loss is the one that the run has in its metrics.
 *
 * @param model a run, or a checkpoint in its folder
 * @throws UserError (code `run`) for a model that has no run, (code `objective`) for an objective or a step that it has not
 */
export async function trainingBatch(model: string, { step, objective }: BatchQuery, signal?: AbortSignal): Promise<TrainingBatch> {
  const { run, checkpoint } = runOfModel(model);
  const recorded = loadRun(run);
  const { seed, training } = recorded.experiment;
  const saved = checkpoint === undefined ? newestReadable(run, loadState, () => undefined)?.contents : loadState(checkpoint);
  if (!saved) throw new UserError(`${run} has no checkpoint yet.`, 'Wait for the first one.', 'checkpoint');
  const at = step ?? Math.min(saved.step, training.steps - 1);
  if (at >= training.steps)
    throw new UserError(`The run has ${training.steps} steps, and step ${at} was asked for; the first is 0.`, undefined, 'objective');

  const setup = await setUp(recorded, () => undefined, signal, recorded);
  try {
    const names = setup.instances.map(({ type }) => type);
    const instance = setup.instances.find(({ type }) => type === (objective ?? names[0]));
    if (!instance) throw new UserError(`The run has no objective "${objective}".`, `It has ${names.join(', ')}.`, 'objective');
    const batch = instance.batch(setup.corpus.dataset.train, at);
    const session = await Session.create(serialise(compileParts(setup.config, instance, 'cpu')));
    const outputs = await session.run(
      new Map([...saved.tensors, ...feedsOf(instance.type, batch), [STEP_KEY, tensor('uint32', [], [stepKeyAt(seed, at)])]]),
    );
    await session.release();
    const tokenizer = Tokenizer.load(join(run, 'tokenizer.json'));
    const trained = { batch, part: partsOf(outputs, PART), token: (id: number) => tokenizer.token(id), most: MOST_EXAMPLES };
    const { examples, size } = instance.examples(trained);
    return {
      objective: instance.type,
      title: objectives.find(({ type }) => type === instance.type)!.title,
      step: at,
      model: saved.step,
      loss: Number(outputs.get('loss')!.data[0]),
      size,
      examples,
      objectives: names,
    };
  } finally {
    setup.corpus.dataset.close();
  }
}
