import * as z from 'zod/mini';

/** What a notice's button does. */
export const Action = z.enum(['openFolder', 'newExperiment', 'startRun', 'trust', 'retry', 'showLog', 'openFile', 'compare']);
export type Action = z.infer<typeof Action>;

/** Stands in for the content of a view that has nothing to show: what is missing, why, and the way on. */
export const Notice = z.object({
  title: z.string(),
  detail: z.optional(z.string()),
  action: z.optional(z.object({ id: Action, label: z.string() })),
});
export type Notice = z.infer<typeof Notice>;

/** Nothing is said. */
export const Empty = z.object({});
/** A path or an address. A view is a page that shows other people's text: what comes from it has bounds. */
export const Short = z.string().check(z.maxLength(8192));

/** A webview answers nothing: the host pushes events. `ready` is its first message; the host then sends everything it should show, unless that came with the page. */
export const webview = { requests: {}, events: { ready: Empty } } as const;
