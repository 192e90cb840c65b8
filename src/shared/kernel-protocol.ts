import * as z from 'zod/mini';

/** What a cell writes or shows. A display with an `id` that was shown before takes its place. */
export const Output = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('stream'), name: z.enum(['stdout', 'stderr']), text: z.string() }),
  z.object({ kind: z.literal('display'), id: z.optional(z.string()), data: z.record(z.string(), z.unknown()) }),
]);
export type Output = z.infer<typeof Output>;

/** An error of a cell: `stack` points at cells and lines. */
export const CellError = z.object({ name: z.string(), message: z.string(), stack: z.string() });
export type CellError = z.infer<typeof CellError>;

/** How a cell ended; an interrupted one has an error too. */
export const Ended = z.object({ error: z.optional(CellError) });
export type Ended = z.infer<typeof Ended>;

/** What the kernel process answers. Besides, a byte on its standard input breaks off a cell that keeps its thread busy. */
export const kernel = {
  requests: {
    /** Runs a cell; `count` is its number in the order of execution, by which stack traces name it. */
    execute: { params: z.object({ count: z.int().check(z.positive()), code: z.string() }), result: Ended },
    /** Ends the cell in hand with the error `Interrupted`; variables stay. */
    interrupt: { params: z.object({}), result: z.object({}) },
  },
  events: {
    output: z.object({ count: z.int(), output: Output }),
    log: z.object({ level: z.enum(['info', 'warning', 'error']), message: z.string() }),
  },
} as const;

/** Whoever runs a kernel answers nothing and emits nothing. */
export const client = { requests: {}, events: {} } as const;

/** The name of the error of a cell that was interrupted. */
export const INTERRUPTED = 'Interrupted';
