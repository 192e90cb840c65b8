import * as z from 'zod/mini';
import { shortened } from './format';

/**
 * One typed message handler for every border in the product: host ⇄ trainer (process messages) and host ⇄ webview (`postMessage`).
 * Each side has an endpoint: the requests it answers and the events it emits. Everything that arrives is validated before a handler sees it.
 */
export interface Endpoint {
  readonly requests: Readonly<Record<string, { readonly params: z.core.$ZodType; readonly result: z.core.$ZodType }>>;
  readonly events: Readonly<Record<string, z.core.$ZodType>>;
}

export type Params<E extends Endpoint, M extends keyof E['requests']> = z.infer<E['requests'][M]['params']>;
export type Result<E extends Endpoint, M extends keyof E['requests']> = z.infer<E['requests'][M]['result']>;
export type Payload<E extends Endpoint, N extends keyof E['events']> = z.infer<E['events'][N]>;

/** The functions that answer an endpoint's requests. `signal` aborts when the other side cancels or goes away. */
export type Handlers<E extends Endpoint> = {
  readonly [M in keyof E['requests']]: (params: Params<E, M>, signal: AbortSignal) => Promise<Result<E, M>> | Result<E, M>;
};

/** What a failed request carries across the border; `hint` names the way out, `code` is for programs. */
export interface WireError {
  readonly message: string;
  readonly code?: string | undefined;
  readonly hint?: string | undefined;
}

/** A request that the other side answered with an error, or that could not be answered at all. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly code: string | undefined;
  readonly hint: string | undefined;

  constructor(error: WireError) {
    super(error.message);
    this.code = error.code;
    this.hint = error.hint;
  }
}

const Id = z.int().check(z.positive());
const Name = z.string().check(z.maxLength(100));
const Message = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('request'), id: Id, method: Name, params: z.unknown() }),
  z.object({ kind: z.literal('cancel'), id: Id }),
  z.object({ kind: z.literal('reply'), id: Id, result: z.unknown() }),
  z.object({
    kind: z.literal('failure'),
    id: Id,
    error: z.object({ message: z.string(), code: z.optional(z.string()), hint: z.optional(z.string()) }),
  }),
  z.object({ kind: z.literal('event'), name: Name, payload: z.unknown() }),
]);
type Message = z.infer<typeof Message>;

/** Requests that one side may have open at the other: a view that sends more than that has gone wild. */
export const MOST_RUNNING = 256;

interface Pending {
  readonly method: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: Error) => void;
  readonly release: () => void;
}

export interface RequestOptions {
  /** Cancels the request: the other side's `signal` aborts and the promise rejects with code `cancelled`. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the request fails with code `timeout`; none by default. */
  readonly timeout?: number;
}

export class MessageHandler<Local extends Endpoint, Remote extends Endpoint> {
  readonly #pending = new Map<number, Pending>();
  readonly #running = new Map<number, AbortController>();
  readonly #listeners = new Map<string, Set<(payload: never) => void>>();
  #nextId = 1;
  #closed: Error | undefined;

  /**
   * @param post sends one message to the other side
   * @param onInvalid hears of messages that fit no schema; they are dropped
   */
  constructor(
    private readonly local: Local,
    private readonly remote: Remote,
    private readonly handlers: Handlers<Local>,
    private readonly post: (message: unknown) => void,
    private readonly onInvalid: (problem: string) => void = () => undefined,
  ) {}

  /** Asks the other side; rejects with {@link RemoteError}. */
  request<M extends keyof Remote['requests'] & string>(
    method: M,
    params: Params<Remote, M>,
    { signal, timeout }: RequestOptions = {},
  ): Promise<Result<Remote, M>> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(cancelled(method));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const giveUp = (error: Error): void => {
        this.#settle(id)?.reject(error);
        this.#send({ kind: 'cancel', id });
      };
      const onAbort = (): void => giveUp(cancelled(method));
      signal?.addEventListener('abort', onAbort, { once: true });
      const timer =
        timeout === undefined
          ? undefined
          : setTimeout(
              () => giveUp(new RemoteError({ code: 'timeout', message: `No answer to "${method}" within ${timeout} ms.` })),
              timeout,
            );
      const release = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      this.#pending.set(id, { method, resolve: resolve as (value: unknown) => void, reject, release });
      this.#send({ kind: 'request', id, method, params });
    });
  }

  /** Tells the other side; nobody answers. */
  emit<N extends keyof Local['events'] & string>(name: N, payload: Payload<Local, N>): void {
    this.#send({ kind: 'event', name, payload });
  }

  /** Listens to the other side's events; returns the function that stops listening. */
  on<N extends keyof Remote['events'] & string>(name: N, listener: (payload: Payload<Remote, N>) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Feeds one message that arrived from the other side. Never throws. */
  receive(raw: unknown): void {
    const parsed = Message.safeParse(raw);
    if (!parsed.success) return this.#refuse('not a message');
    const message = parsed.data;
    switch (message.kind) {
      case 'request':
        void this.#answer(message.id, message.method, message.params);
        return;
      case 'cancel':
        this.#running.get(message.id)?.abort();
        return;
      case 'reply':
        this.#take(message.id, message.result);
        return;
      case 'failure':
        this.#settle(message.id)?.reject(new RemoteError(message.error));
        return;
      case 'event':
        this.#hear(message.name, message.payload);
    }
  }

  /** The other side is gone: every open request rejects with `reason`, every running handler is aborted. */
  close(reason: WireError): void {
    this.#closed ??= new RemoteError(reason);
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(this.#closed);
    for (const controller of this.#running.values()) controller.abort();
  }

  #send(message: Message): void {
    if (!this.#closed) this.post(message);
  }

  #take(id: number, raw: unknown): void {
    const pending = this.#settle(id);
    if (!pending) return;
    const definition = ownEntry(this.remote.requests, pending.method);
    const result = definition && z.safeParse(definition.result, raw);
    if (result?.success) pending.resolve(result.data);
    else
      pending.reject(
        new RemoteError({ code: 'invalid', message: `The answer to "${pending.method}" is malformed: ${reasonOf(result?.error)}` }),
      );
  }

  #hear(name: string, raw: unknown): void {
    const schema = ownEntry(this.remote.events, name);
    const payload = schema && z.safeParse(schema, raw);
    if (!payload?.success) return this.#refuse(`event "${name}": ${reasonOf(payload?.error)}`);
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(payload.data as never);
      } catch (error) {
        // One that fails keeps neither the others nor the sender from going on.
        this.#refuse(`event "${name}": ${toWireError(error).message}`);
      }
    }
  }

  #refuse(problem: string): void {
    this.onInvalid(shortened(problem, 500));
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.release();
    return pending;
  }

  async #answer(id: number, method: string, rawParams: unknown): Promise<void> {
    // Under a number that is taken two would run, and a cancellation would reach one of them.
    if (this.#running.has(id)) {
      this.#refuse(`request "${method}": its number ${id} is taken`);
      return;
    }
    const controller = new AbortController();
    try {
      if (this.#running.size >= MOST_RUNNING)
        throw new RemoteError({ code: 'busy', message: `${MOST_RUNNING} requests are open already.` });
      this.#running.set(id, controller);
      const definition = ownEntry(this.local.requests, method);
      const handler = ownEntry(this.handlers, method);
      if (!definition || !handler) throw new RemoteError({ code: 'unknown', message: `Unknown request "${method}".` });
      const params = z.safeParse(definition.params, rawParams);
      if (!params.success)
        throw new RemoteError({ code: 'invalid', message: `Request "${method}" is malformed: ${reasonOf(params.error)}` });
      const result = await handler(params.data as never, controller.signal);
      this.#send({ kind: 'reply', id, result });
    } catch (error) {
      this.#send({ kind: 'failure', id, error: toWireError(error) });
    } finally {
      if (this.#running.get(id) === controller) this.#running.delete(id);
    }
  }
}

/** What an object itself holds under a name: names such as `constructor` or `__proto__` lead to nothing. */
const ownEntry = <T>(entries: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(entries, name) ? entries[name] : undefined;

const reasonOf = (error: z.core.$ZodError | undefined): string => (error ? shortened(z.prettifyError(error), 300) : 'unknown');

/** Errors cross the border as message, code and hint: stack traces stay in the log of the side that threw. */
export function toWireError(error: unknown): WireError {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, hint } = error as { code?: unknown; hint?: unknown };
  return {
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(typeof hint === 'string' && { hint }),
  };
}

const cancelled = (method: string): RemoteError => new RemoteError({ code: 'cancelled', message: `"${method}" was cancelled.` });
