// What the contenders written in JavaScript share: reading the workload, and the protocol of README.md.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The workload of a folder, each parameter with its numbers. */
export function readWorkload(folder) {
  const workload = JSON.parse(readFileSync(join(folder, 'workload.json'), 'utf8'));
  const { buffer } = new Uint8Array(readFileSync(join(folder, 'weights.bin')));
  const parameters = workload.parameters.map(({ name, shape, offset }) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return { name, shape, data: new Float32Array(buffer, 4 * offset, size) };
  });
  return { ...workload, parameters };
}

/** Rows of the matrix [B·T, H] at the slots' positions [B, S] of a batch. */
export const slotRows = ({ slots }, shape) => slots.map((position, i) => Math.floor(i / shape.slots) * shape.length + position);

/** Answers each line `step` with one step's milliseconds and loss. */
export async function serve({ name, versions, threads }, step) {
  const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
  say({ ready: true, name, versions: { node: process.version, ...versions }, threads });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'quit') break;
    const start = performance.now();
    const loss = await step();
    say({ ms: performance.now() - start, loss });
  }
  process.exit();
}
