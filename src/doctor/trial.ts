import { execFile } from 'node:child_process';
import { serialise } from '../onnx/serialise';
import { tensor } from '../onnx/types';
import { Trial } from '../shared/machine';
import { probeGraph } from '../train/compile';
import { Session, type Provider } from '../train/device';

const LONGEST_TRIAL = 60_000;

/** Runs one operator on a provider, in this process, which a broken driver may end. */
export async function tryHere(provider: Provider): Promise<Trial> {
  const start = performance.now();
  try {
    const session = await Session.create(serialise(probeGraph()), { provider });
    const outputs = await session.run(new Map([['x', tensor('float32', [2, 2], [1, 2, 3, 4])]]));
    await session.release();
    const product = [...outputs.values()][0]!.data;
    if (String([...product]) !== '7,10,15,22') return { works: false, why: `it multiplies wrongly: ${[...product].join(', ')}` };
    return { works: true, seconds: (performance.now() - start) / 1000 };
  } catch (error) {
    return { works: false, why: reasonOf(error as Error) };
  }
}

/** What the runtime says in the end: its own file and condition come before it. */
function reasonOf(error: Error): string {
  const { message } = error.cause instanceof Error ? error.cause : error;
  const first = message.split('\n')[0]!;
  return / was false\. (.+)$/.exec(first)?.[1] ?? first;
}

/**
 * The same in a process of its own, so that a crash is an answer.
 *
 * @param cli a command that prints the {@link Trial} as JSON on its last line, once `doctor --attempt` and the provider are added to it
 */
export function tryApart(provider: Provider, [program, ...args]: readonly [string, ...string[]], signal?: AbortSignal): Promise<Trial> {
  const options = { timeout: LONGEST_TRIAL, killSignal: 'SIGKILL', signal } as const;
  return new Promise((resolve, reject) => {
    execFile(program, [...args, 'doctor', '--attempt', provider], options, (error, stdout) => {
      const answer = answerOf(stdout);
      const failed = (why: string): void => resolve({ works: false, why });
      if (error?.killed) failed(`nothing came back within ${LONGEST_TRIAL / 1000} s`);
      // A library may end the process after the answer, while it is unloaded: the training would end likewise, after its last word.
      else if (answer) resolve(answer);
      else if (error && typeof error.code === 'string') reject(new Error(error.message, { cause: error }));
      else failed(`its process ended by itself (${error?.signal ?? `exit code ${error?.code ?? 0}`})`);
    });
  });
}

/** The {@link Trial} on the last line; undefined where a process that ended too soon, or another program, wrote something else. */
function answerOf(text: string): Trial | undefined {
  try {
    return Trial.parse(JSON.parse(text.trim().split('\n').at(-1)!));
  } catch {
    return undefined;
  }
}
