import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { measureTwin, type TwinSpec } from '../../../../src/bench/gpu/pytorch';

let folder: string;
let spec: TwinSpec;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twin-'));
  vi.stubEnv('TMPDIR', folder);
  const program = join(folder, 'contender');
  spec = {
    preset: 'tiny',
    precision: 'bf16',
    mode: 'eager',
    device: 'cpu',
    batch: 2,
    dropout: 0,
    python: process.execPath,
    program,
    seconds: 3,
  };
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

it('another program is handed the workload, and its lines are the row', () => {
  writeFileSync(
    spec.program,
    `const { FORM, DEVICE, PRECISION } = process.env;
    const workload = JSON.parse(require('node:fs').readFileSync(process.argv[2] + '/workload.json', 'utf8'));
    console.log('a library says hello');
    console.log(JSON.stringify({ ready: true, versions: { FORM, DEVICE, PRECISION, batch: workload.shape.batch } }));
    let count = 0;
    for (const line of require('node:fs').readFileSync(0, 'utf8').split('\\n')) {
      if (line === 'quit') break;
      console.log(JSON.stringify(line === 'step' ? { ms: 50, loss: ++count, steps: 1 } : { ms: 7, loss: 0, steps: 20, line }));
    }`,
  );
  expect(measureTwin(spec)).toEqual({
    versions: { FORM: 'eager-slots', DEVICE: 'cpu', PRECISION: 'bf16', batch: 2 },
    tokens: 2 * 64,
    formulaFlops: expect.any(Number) as number,
    losses: [1, 2, 3, 4],
    milliseconds: 7,
    steps: 20,
  });
  expect(existsSync(join(folder, 'weights.bin'))).toBe(true);
});

it('a program that fails gives its reason', () => {
  writeFileSync(spec.program, `console.error("ModuleNotFoundError: No module named 'torch'"); process.exit(1);`);
  expect(() => measureTwin(spec)).toThrow("ModuleNotFoundError: No module named 'torch'");
  expect(() => measureTwin({ ...spec, python: '/nowhere/python3' })).toThrow('PyTorch cannot be asked: spawnSync /nowhere/python3 ENOENT');
});
