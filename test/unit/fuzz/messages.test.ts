import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { MessageHandler, MOST_RUNNING, type Endpoint, type Handlers } from '../../../src/shared/rpc';
import { host, trainer } from '../../../src/shared/trainer-protocol';
import { dashboardHost } from '../../../src/shared/webview/dashboard';
import { inspectorHost } from '../../../src/shared/webview/inspector';
import { webview } from '../../../src/shared/webview/view';
import { mutatedJson, STRANGE_KEYS } from './mutate';
import { replay, survives } from './survive';

/** Messages as they are sent, of every kind there is. */
const valid = [
  { kind: 'request', id: 1, method: 'predict', params: { version: 1, hidden: [1, 2] } },
  { kind: 'request', id: 2, method: 'predict', params: { model: '/run', text: 'A whale.', hidden: [0], top: 3 } },
  { kind: 'request', id: 3, method: 'similarity', params: { version: 1, unit: 'line', limit: 10 } },
  { kind: 'request', id: 4, method: 'reveal', params: { uri: 'file:///a', spans: [{ start: 0, end: 3 }] } },
  { kind: 'request', id: 5, method: 'act', params: { action: 'retry' } },
  { kind: 'request', id: 6, method: 'stopRun', params: { run: '/run' } },
  { kind: 'request', id: 7, method: 'train', params: { experiment: '/a.lab.json', steps: 3 } },
  { kind: 'event', name: 'ready', payload: {} },
  { kind: 'cancel', id: 3 },
  { kind: 'event', name: 'metrics', payload: { step: 1, tokens: 8, seconds: 0.5, loss: { total: 2.5 } } },
  { kind: 'event', name: 'started', payload: { run: '/run', steps: 3, device: 'CPU', parameters: 5, baselines: [] } },
  { kind: 'event', name: 'status', payload: { message: 'Reading' } },
  { kind: 'event', name: 'runs', payload: { runs: [] } },
  { kind: 'event', name: 'notice', payload: { title: 'No run yet' } },
  { kind: 'reply', id: 1, result: [] },
  { kind: 'failure', id: 1, error: { message: 'No.', code: 'user', hint: 'Yes.' } },
  ...STRANGE_KEYS.flatMap((name) => [
    { kind: 'request', id: 9, method: name, params: {} },
    { kind: 'event', name, payload: {} },
    { kind: name, id: 9 },
  ]),
];

/** An endpoint whose handlers and listeners take note of what they are given, and check that it is in their schema. */
function guarded<Local extends Endpoint>(local: Local, remote: Endpoint) {
  const given = new Set<string>();
  const sent: unknown[] = [];
  const refused: string[] = [];
  const handlers = Object.fromEntries(
    Object.entries(local.requests).map(([method, { params }]) => [
      method,
      (value: unknown) => {
        expect(z.parse(params, value)).toEqual(value);
        given.add(method);
        return {};
      },
    ]),
  ) as unknown as Handlers<Local>;
  const handler = new MessageHandler(
    local,
    remote,
    handlers,
    (message) => sent.push(message),
    (problem) => refused.push(problem),
  );
  for (const [name, schema] of Object.entries(remote.events))
    handler.on(name, (payload) => {
      expect(z.parse(schema, payload)).toEqual(payload);
      given.add(name);
    });
  return { handler, given, sent, refused };
}

const borders: [string, Endpoint, Endpoint][] = [
  ['the inspector to the host', inspectorHost, webview],
  ['the dashboard to the host', dashboardHost, webview],
  ['the host to the inspector', webview, inspectorHost],
  ['the host to the dashboard', webview, dashboardHost],
  ['the host to the trainer', trainer, host],
  ['the trainer to the host', host, trainer],
];

describe(`messages (${replay})`, { timeout: 120_000 }, () => {
  it.each(borders)('from %s never throw, and reach nobody unless they fit a schema', async (_, local, remote) => {
    const { handler, given, sent, refused } = guarded(local, remote);
    for (const message of valid) handler.receive(message);
    const reached = given.size;
    survives(
      fc.oneof(
        mutatedJson(valid).map((text) => JSON.parse(text) as unknown),
        fc.anything({ withBigInt: true, withDate: true, withMap: true }),
      ),
      (message) => handler.receive(message),
      { runs: 700 },
    );
    await new Promise(setImmediate);
    expect(reached).toBeGreaterThan(0);
    for (const message of sent) expect(JSON.stringify(message)).not.toMatch(/AssertionError|toEqual|Cannot read/);
    for (const problem of refused) {
      expect(problem.length).toBeLessThan(600);
      expect(problem).not.toMatch(/toEqual/);
    }
    expect([...given].filter((name) => STRANGE_KEYS.includes(name))).toEqual([]);
  });

  it('of a number that is taken, or of too many at once, are refused while the others go on', async () => {
    const endpoint = { requests: { wait: inspectorHost.requests.browseModel }, events: {} };
    const sent: unknown[] = [];
    const refused: string[] = [];
    let running = 0;
    const handlers = {
      wait: (_: unknown, signal: AbortSignal) => (
        running++,
        new Promise<Record<string, never>>((resolve) => signal.addEventListener('abort', () => resolve({})))
      ),
    };
    const handler = new MessageHandler<typeof endpoint, typeof webview>(
      endpoint,
      webview,
      handlers,
      (message) => sent.push(message),
      (problem) => refused.push(problem),
    );
    for (let id = 1; id <= MOST_RUNNING + 5; id++) handler.receive({ kind: 'request', id, method: 'wait', params: {} });
    handler.receive({ kind: 'request', id: 1, method: 'wait', params: {} });
    await new Promise(setImmediate);
    expect(running).toBe(MOST_RUNNING);
    expect(refused).toEqual(['request "wait": its number 1 is taken']);
    expect(sent).toHaveLength(5);
    expect(sent[0]).toMatchObject({ kind: 'failure', id: MOST_RUNNING + 1, error: { code: 'busy' } });
    handler.receive({ kind: 'cancel', id: 7 });
    await new Promise(setImmediate);
    handler.receive({ kind: 'request', id: 1000, method: 'wait', params: {} });
    expect(running).toBe(MOST_RUNNING + 1);
    handler.close({ message: 'The end.' });
  });

  it('that a listener cannot bear reach the other listeners all the same', () => {
    const { handler, given, refused } = guarded(host, trainer);
    handler.on('status' as never, () => {
      throw new Error('not today');
    });
    handler.on('status' as never, () => given.add('second'));
    expect(() => handler.receive({ kind: 'event', name: 'status', payload: { message: 'x' } })).not.toThrow();
    expect([...given]).toEqual(['status', 'second']);
    expect(refused).toEqual(['event "status": not today']);
  });
});
