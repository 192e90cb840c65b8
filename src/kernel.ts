import { StringDecoder } from 'node:string_decoder';
import { Kernel } from './kernel/kernel';
import { watchInterrupts } from './kernel/interrupts';
import * as protocol from './shared/kernel-protocol';
import { MessageHandler, type Handlers } from './shared/rpc';

/** The process behind a notebook: runs its cells, and ends when whoever started it goes away. Arguments: the notebook's folder, that of runs, a name. */
const [folder = process.cwd(), runs = '', name = 'notebook'] = process.argv.slice(2);

const send = (message: unknown): void => {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
};
const heard = watchInterrupts();
const handlers: Handlers<typeof protocol.kernel> = {
  execute: ({ count, code }) => kernel.execute(count, code),
  interrupt: () => {
    heard();
    kernel.interrupt();
    return {};
  },
};
const link = new MessageHandler(protocol.kernel, protocol.client, handlers, send, (problem) => log('warning', problem));
const log = (level: 'info' | 'warning' | 'error', message: string): void => link.emit('log', { level, message });

process.chdir(folder);
const kernel = new Kernel({ folder, runs, name, output: (count, output) => link.emit('output', { count, output }) });

// What cells write, by whatever means, is theirs.
for (const stream of ['stdout', 'stderr'] as const) {
  // A character may come in two pieces.
  const decoder = new StringDecoder();
  process[stream].on('error', () => undefined);
  process[stream].write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const text = typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk));
    if (!kernel.write(stream, text)) log('info', text.trimEnd());
    const done = rest.find((each) => typeof each === 'function') as (() => void) | undefined;
    if (done) setImmediate(done);
    return true;
  };
}
for (const [event, what] of [
  ['unhandledRejection', 'A promise was rejected, and nothing waits for it.'],
  ['uncaughtException', 'An error was thrown where no cell waits for it.'],
] as const)
  process.on(event, (error: unknown) => {
    const text = kernel.stray(error, what);
    if (text !== undefined) log('error', text);
  });

// Ctrl-C in a terminal goes to whoever started this as well, who interrupts the cell in hand.
process.on('SIGINT', () => undefined);
process.on('message', (message) => link.receive(message));
process.on('disconnect', () => process.exit());
