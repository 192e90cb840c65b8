import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { UserError } from '../../../src/shared/errors';
import { MessageHandler, RemoteError, type Handlers } from '../../../src/shared/rpc';

const server = {
  requests: {
    double: { params: z.object({ value: z.number() }), result: z.number() },
    wait: { params: z.object({}), result: z.string() },
    fail: { params: z.object({}), result: z.string() },
    lie: { params: z.object({}), result: z.number() },
  },
  events: { news: z.object({ text: z.string() }) },
} as const;
const client = { requests: {}, events: {} } as const;

/** Two handlers that talk through structured clones, as processes do. */
function link() {
  const aborted = vi.fn();
  const invalid = vi.fn();
  const handlers: Handlers<typeof server> = {
    double: ({ value }) => 2 * value,
    wait: (_, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          aborted();
          resolve('stopped');
        }),
      ),
    fail: () => {
      throw new UserError('The file x is gone.', 'Restore it.', 'corpus');
    },
    lie: () => 'no number' as never,
  };
  const a = new MessageHandler<typeof client, typeof server>(
    client,
    server,
    {},
    (message) => queueMicrotask(() => b.receive(structuredClone(message))),
    invalid,
  );
  const b = new MessageHandler<typeof server, typeof client>(
    server,
    client,
    handlers,
    (message) => queueMicrotask(() => a.receive(structuredClone(message))),
    invalid,
  );
  return { a, b, aborted, invalid };
}

const codeOf = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => (error as RemoteError).code,
  );

describe('messages', () => {
  it('carry requests and their replies', async () => {
    const { a } = link();
    expect(await Promise.all([a.request('double', { value: 2 }), a.request('double', { value: 5 })])).toEqual([4, 10]);
  });

  it('carry errors with their hint, and no stack', async () => {
    const error = await link()
      .a.request('fail', {})
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ message: 'The file x is gone.', hint: 'Restore it.', code: 'corpus' });
  });

  it('can be cancelled, which aborts the work on the other side', async () => {
    const { a, aborted } = link();
    const controller = new AbortController();
    const code = codeOf(a.request('wait', {}, { signal: controller.signal }));
    await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    expect(await code).toBe('cancelled');
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce());
  });

  it('fail after a timeout, which aborts the work too', async () => {
    const { a, aborted } = link();
    expect(await codeOf(a.request('wait', {}, { timeout: 10 }))).toBe('timeout');
    await vi.waitFor(() => expect(aborted).toHaveBeenCalledOnce());
  });

  it('are refused at the border when they fit no schema, in both directions', async () => {
    const { a, b, invalid } = link();
    expect(await codeOf(a.request('double', { value: 'two' } as never))).toBe('invalid');
    expect(await codeOf(a.request('lie', {}))).toBe('invalid');
    expect(await codeOf(a.request('unknown' as never, {} as never))).toBe('unknown');
    expect(await codeOf(a.request('toString' as never, {} as never))).toBe('unknown');
    for (const junk of [
      undefined,
      null,
      3,
      'text',
      {},
      { kind: 'event', name: 'news', payload: { text: 1 } },
      { kind: 'reply', id: 99, result: 1 },
    ])
      a.receive(junk);
    b.receive({ kind: 'cancel', id: 12345 });
    expect(invalid).toHaveBeenCalledTimes(6);
  });

  it('bring events to every listener until it stops listening', async () => {
    const { a, b } = link();
    const heard: string[] = [];
    const stop = a.on('news', ({ text }) => heard.push(text));
    b.emit('news', { text: 'one' });
    await Promise.resolve().then(() => undefined);
    stop();
    b.emit('news', { text: 'two' });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(heard).toEqual(['one']);
  });

  it('end with the link: open requests reject, later ones too, running work is aborted', async () => {
    const { a, b, aborted } = link();
    const code = codeOf(a.request('wait', {}));
    await new Promise((resolve) => setTimeout(resolve, 5));
    a.close({ code: 'trainer-ended', message: 'gone' });
    b.close({ code: 'trainer-ended', message: 'gone' });
    expect(await code).toBe('trainer-ended');
    expect(await codeOf(a.request('double', { value: 1 }))).toBe('trainer-ended');
    expect(aborted).toHaveBeenCalledOnce();
  });
});
