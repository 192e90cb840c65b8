import * as z from 'zod/mini';
import { Advice, DataShape, Task } from '../comparison-types';
import { Empty, Short } from './view';

/** What the advisor may ask of the host. */
export const advisorHost = {
  requests: {
    /** The objectives that may suit a task, the most promising first. */
    advise: { params: z.object({ task: Task, data: DataShape }), result: z.array(Advice) },
    /** Writes an experiment with these objectives. */
    newExperiment: { params: z.object({ objectives: z.array(Short).check(z.minLength(1), z.maxLength(20)) }), result: Empty },
    compare: { params: Empty, result: Empty },
  },
  events: {},
} as const;
