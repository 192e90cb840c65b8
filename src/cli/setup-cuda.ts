import { realpathSync } from 'node:fs';
import { removeCuda, setUpCuda } from '../doctor/set-up-cuda';
import { UserError } from '../shared/errors';
import { DOWNLOAD } from '../shared/machine';

interface Options {
  readonly from?: string;
  readonly download?: boolean;
  readonly undo?: boolean;
  readonly keep?: boolean;
  readonly json?: boolean;
}

/** Installs the CUDA provider, or takes it away. */
export async function setUpCudaCommand({ from, download, undo, keep, json }: Options): Promise<void> {
  const program = realpathSync(process.argv[1]!);
  if ([from, download, undo].filter((each) => each !== undefined).length !== 1)
    throw new UserError('Say one of --from, --download and --undo.', `--download: ${DOWNLOAD}`, 'cuda');
  if (undo) {
    const files = removeCuda(program);
    process.stdout.write(
      json
        ? `${JSON.stringify({ removed: files })}\n`
        : `${files.length === 0 ? 'There was no provider.' : `Removed ${files.join(', ')}.`}\n`,
    );
    return;
  }
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  const done = await setUpCuda([process.execPath, program], { from, keep, signal: controller.signal });
  const { libraries, needs, trial } = done;
  const outcome = trial.works ? 'CUDA works.' : `It was not seen to work here: ${trial.why}.`;
  process.stdout.write(
    json ? `${JSON.stringify(done)}\n` : `The CUDA provider is in ${libraries} and needs ${needs.join(', ')}. ${outcome}\n`,
  );
}
