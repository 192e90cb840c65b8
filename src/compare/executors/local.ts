import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PULSE_CHANNEL } from '../../shared/trainer-protocol';
import type { ExecutorContext, MemberExecutor } from '../executor';
import { readRecord, writeRecord } from '../record';

/** Lines of what a process said last that are kept of one that died. */
const LAST_LINES = 5;

/**
 * Members as processes of this machine, so many at once.
 *
 * @param gpus where there are several, each of those processes uses one, in turn; one, or none, is left to the experiment
 */
export const localExecutor = (workers: number, gpus: number): MemberExecutor => ({
  async run(members, context) {
    const queue = [...members];
    const work = async (_: unknown, worker: number): Promise<void> => {
      const gpu = gpus > 1 ? ['--device-index', String(worker % gpus)] : [];
      for (let id = queue.shift(); id !== undefined && !context.signal.aborted; id = queue.shift())
        await runMember(id, [...context.command(id), ...gpu], context);
    };
    await Promise.all(Array.from({ length: Math.min(workers, members.length) }).map(work));
  },
  dryRun: (members, { command }) =>
    new Map([
      [
        'members.txt',
        `${members
          .map((id) =>
            command(id)
              .map((word) => JSON.stringify(word))
              .join(' '),
          )
          .join('\n')}\n`,
      ],
    ]),
});

async function runMember(id: string, command: readonly string[], { folder, signal, warn }: ExecutorContext): Promise<void> {
  const [program, ...words] = command as [string, ...string[]];
  const logs = join(folder, 'logs');
  mkdirSync(logs, { recursive: true });
  const log = createWriteStream(join(logs, `${id}.log`), { flags: 'a' });
  // The channel of the trainer's pulse is its own.
  const { [PULSE_CHANNEL]: _, ...env } = process.env;
  // In a group of its own: Ctrl-C is for the comparison, which asks each member to stop once.
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: process.platform !== 'win32', env });
  const stop = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', stop, { once: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-10_000)));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const how = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('close', (code, by) => resolve(by !== null ? `was ended by ${by}` : code === 0 ? undefined : `ended with code ${code}`));
  });
  signal.removeEventListener('abort', stop);
  log.end();
  const record = readRecord(folder, id);
  if (how === undefined || record.state === 'done' || record.state === 'failed' || signal.aborted) return;
  const last = said.trim().split('\n').slice(-LAST_LINES).join('\n');
  const message = `Its process ${how}.${last === '' ? '' : ` It said last: ${last}`}`;
  writeRecord(folder, { ...record, state: 'failed', message });
  warn(`${id}: ${message}`);
}
