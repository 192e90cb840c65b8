import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';

const call = (...args: string[]) => spawnSync(process.execPath, ['scripts/fetch-probes.mjs', ...args], { encoding: 'utf8' });

it.each(['--help', '-h'])('%s says what the script does, and fetches nothing', (option) => {
  const { status, stdout } = call(option);
  expect(status).toBe(0);
  expect(stdout).toContain('node scripts/fetch-probes.mjs [FOLDER]');
  expect(existsSync(option)).toBe(false);
});

it.each([
  [['--hlep'], /Unknown option/],
  [['a', 'b'], /more than one folder/],
] as const)('takes %j for no folder', (args, message) => {
  const { status, stderr } = call(...args);
  expect(status).toBe(1);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/ at .*:\d+:\d+/);
});
