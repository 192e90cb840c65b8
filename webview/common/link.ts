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
  return messages;
}

/** What the view remembers while it is hidden or the window is reloaded; anything that does not fit the schema is forgotten. */
export class Memory<S extends z.core.$ZodType> {
  #value: z.infer<S>;

  constructor(schema: S, initial: z.infer<S>) {
    const stored = z.safeParse(schema, vscode.getState());
    this.#value = stored.success ? stored.data : initial;
  }

  get value(): z.infer<S> {
    return this.#value;
  }

  update(change: Partial<z.infer<S>>): void {
    this.#value = Object.assign({}, this.#value, change);
    vscode.setState(this.#value);
  }
}
