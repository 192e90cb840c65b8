import * as z from 'zod/mini';
import { MessageHandler, type Endpoint } from '../../src/shared/rpc';
import { webview } from '../../src/shared/webview/view';
import { vscode } from './ready';

// The content security policy forbids `new Function`, by which zod would otherwise compile its schemas.
z.config({ jitless: true });

/** The messages between this view and the extension host. */
export function connect<Host extends Endpoint>(host: Host): MessageHandler<typeof webview, Host> {
  const messages = new MessageHandler(
    webview,
    host,
    {},
    (message) => vscode.postMessage(message),
    (problem) => console.warn(problem),
  );
  window.addEventListener('message', ({ data }: MessageEvent<unknown>) => messages.receive(data));
  // When the script has come to its end somebody listens.
  queueMicrotask(() => begin((message) => messages.receive(message)));
  return messages;
}

/** Takes up the messages that came with the page, once: a page that is loaded again, after it was out of sight, still has those of the first time. */
function begin(take: (message: unknown) => void): void {
  const { dataset, textContent } = document.getElementById('beginning')!;
  const { page } = Object(vscode.getState()) as { page?: unknown };
  if (page === dataset.page) return;
  vscode.setState(Object.assign({}, vscode.getState(), { page: dataset.page }));
  for (const message of JSON.parse(textContent) as unknown[]) take(message);
}

/** What the view remembers while it is hidden or the window is reloaded; anything that does not fit the schema is forgotten. */
export class Memory<S extends z.core.$ZodType> {
  #value: z.infer<S>;
  #told = true;

  constructor(schema: S, initial: z.infer<S>) {
    const stored = z.safeParse(schema, vscode.getState());
    this.#value = stored.success ? stored.data : initial;
  }

  get value(): z.infer<S> {
    return this.#value;
  }

  update(change: Partial<z.infer<S>>): void {
    this.#value = Object.assign({}, this.#value, change);
    if (!this.#told) return;
    this.#told = false;
    // A view that opens has several changes at once, each of which would be a message.
    queueMicrotask(() => {
      this.#told = true;
      vscode.setState(Object.assign({}, vscode.getState(), this.#value));
    });
  }
}
