import { realpathSync } from 'node:fs';
import { examine } from '../doctor/doctor';
import { tryHere } from '../doctor/trial';
import { machineText } from '../shared/machine';
import type { Provider } from '../train/device';

/** Says what this machine has for training, and for each thing missing the command that mends it. @param attempt what a child process tries */
export async function doctorCommand({ json, attempt }: { json?: boolean; attempt?: Provider }): Promise<void> {
  if (attempt !== undefined) {
    process.stdout.write(`${JSON.stringify(await tryHere(attempt))}\n`);
    return;
  }
  const diagnosis = await examine([process.execPath, realpathSync(process.argv[1]!)], process.cwd());
  process.stdout.write(json ? `${JSON.stringify(diagnosis)}\n` : `${machineText(diagnosis)}\n`);
}
