import { z } from 'zod';
import { contrastive } from './contrastive';
import { mlm } from './mlm';
import type { Instance, Objective, ObjectiveContext } from './objective';

/** Every objective there is. A new one is a file in this folder and an entry here; schema, command line and editor follow. */
const registry = { mlm, contrastive };

/** The options of any objective, told apart by `type`. */
export const ObjectiveOptions = z.discriminatedUnion('type', [mlm.options, contrastive.options]);
export type ObjectiveOptions = z.infer<typeof ObjectiveOptions>;

export const objectives: readonly Objective<ObjectiveOptions>[] = Object.values(registry);

export function createObjective(options: ObjectiveOptions, context: ObjectiveContext): Instance {
  const objective: Objective<ObjectiveOptions> = registry[options.type];
  return objective.create(options, context);
}

export type { Instance } from './objective';
