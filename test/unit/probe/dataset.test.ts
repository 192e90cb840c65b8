import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { locate } from '../../../src/probe/dataset';

const CONTENT = 'sentence\tlabel\ngood\t1\n';
const FILE = 'hf://datasets/owner/name@v1/data/train.tsv';
const asked: string[] = [];
const hub = createServer((request, response) => {
  asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`.trim());
  if (request.url !== '/datasets/owner/name/resolve/v1/data/train.tsv')
    return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
  const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
  const [from, to] = range ? [Number(range[1]), Math.min(Number(range[2]), CONTENT.length - 1)] : [0, CONTENT.length - 1];
  response.writeHead(range ? 206 : 200, {
    etag: '"1"',
    'content-length': to - from + 1,
    ...(range && { 'content-range': `bytes ${from}-${to}/${CONTENT.length}` }),
  });
  response.end(CONTENT.slice(from, to + 1));
});
let folder: string;
let environment: Record<string, string>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'datasets-'));
  await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
  environment = { HF_ENDPOINT: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`, HF_TOKEN: 'hf_secret' };
});
afterAll(() => {
  hub.close();
  rmSync(folder, { recursive: true });
});

it('a file of a dataset is downloaded once', async () => {
  const path = await locate(FILE, { folder }, environment);
  expect(readFileSync(path, 'utf8')).toBe(CONTENT);
  expect(asked.every((request) => request.endsWith('Bearer hf_secret'))).toBe(true);
  const count = asked.length;
  expect(count).toBeGreaterThan(0);
  expect(await locate(FILE, { folder }, { ...environment, HF_HUB_OFFLINE: '1' })).toBe(path);
  expect(asked).toHaveLength(count);
});

it('one that cannot be had is named with the way out, and leaves nothing', async () => {
  await expect(locate('hf://datasets/owner/name@v1/gone.tsv', { folder }, environment)).rejects.toMatchObject({ code: 'network' });
  expect(existsSync(join(folder, '.objective-lab/cache/datasets/owner--name/v1/gone.tsv'))).toBe(false);
  await expect(locate('hf://datasets/owner/other/a.tsv', { folder }, { HF_HUB_OFFLINE: '1' })).rejects.toThrow('HF_HUB_OFFLINE');
  for (const file of ['hf://datasets/owner', 'hf://datasets/owner/name/../../a.tsv', 'hf:owner/name'])
    await expect(locate(file, { folder }, environment)).rejects.toMatchObject({ code: 'corpus' });
});

it('other files are seen from the folder', async () => {
  expect(await locate('a.tsv', { folder })).toBe(join(folder, 'a.tsv'));
});
