import * as z from 'zod/mini';
import { Diagnosis } from '../machine';
import { Empty } from './view';

/** What the view of this machine may ask of the host. */
export const machineHost = {
  requests: {
    /** `lost` is where CUDA was set up from, when its provider is gone since. */
    examine: { params: Empty, result: z.object({ diagnosis: Diagnosis, lost: z.optional(z.string()) }) },
    /** Puts a text on the clipboard. */
    copy: { params: z.object({ text: z.string().check(z.maxLength(100_000)) }), result: Empty },
    /** Types the command that mends what is missing, by its place in the last diagnosis, into a terminal; the person runs it, or not. */
    typeCommand: { params: z.object({ missing: z.int().check(z.nonnegative()) }), result: Empty },
    setUpCuda: { params: Empty, result: Empty },
  },
  events: {
    /** The view, which is open already, is to check anew. */
    check: Empty,
  },
} as const;
