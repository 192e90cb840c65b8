import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readPretrained } from '../../../src/model/pretrained';
import { UserError } from '../../../src/shared/errors';
import { downloadModel, parseHubId } from '../../../src/train/hub';
import { train } from '../../../src/train/loop';
import { makeWorkspace } from '../support/workspace';
import { COMMIT, HubServer } from './hub-server';

const ID = 'acme/tiny-bert';
const recorded = (name: string): string => join(import.meta.dirname, '../../oracle/families', name);

let hub: HubServer;
let cache: string;
beforeEach(async () => {
  hub = await HubServer.start(ID, recorded('distilbert'));
  cache = mkdtempSync(join(tmpdir(), 'objective-lab-hub-'));
});
afterEach(async () => {
  await hub.stop();
  rmSync(cache, { recursive: true });
  vi.unstubAllEnvs();
});

const download = (
  name = ID,
  environment: Record<string, string> = {},
  onProgress: (message: string) => void = () => undefined,
): Promise<{ folder: string; revision: string }> =>
  downloadModel(parseHubId(name)!, cache, { environment: { HF_ENDPOINT: hub.endpoint, ...environment }, onProgress, patience: 1 });
const failure = (name?: string, environment?: Record<string, string>): Promise<UserError> =>
  download(name, environment).then(
    () => expect.unreachable('It was downloaded.'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(UserError);
      return error as UserError;
    },
  );
const transfers = (): string[] => hub.requests.filter((path) => path.includes('/resolve/'));

/** Sends the first half of a file, and breaks off when that has arrived. */
function breakOff(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { 'content-length': body.length });
  response.write(body.subarray(0, body.length / 2));
  setTimeout(() => response.destroy(), 100);
}

const SHARD = 'model-00002-of-00003.safetensors';

describe('a name of the hub', () => {
  it('is an owner and a name, with or without a revision', () => {
    expect(parseHubId('google-bert/bert-base-uncased')).toEqual({ id: 'google-bert/bert-base-uncased', revision: 'main' });
    expect(parseHubId('a/b.c@refs/pr/1')).toEqual({ id: 'a/b.c', revision: 'refs/pr/1' });
    for (const text of ['bert', 'a/b/c', '../b', 'a/..', 'a/b@', 'a/b@../c', '/a/b', 'https://a/b'])
      expect(parseHubId(text), text).toBe(undefined);
  });
});

describe('a model of the hub', () => {
  it('is downloaded with what is needed to read it, once, and says how far it is', async () => {
    hub.files.set('pytorch_model.bin', Buffer.from('pickle'));
    hub.files.set('README.md', Buffer.from('# Tiny'));
    const messages: string[] = [];
    const { folder, revision } = await download(ID, {}, (message) => void messages.push(message));
    expect(revision).toBe(COMMIT);
    expect(folder).toBe(join(cache, 'hub', 'acme--tiny-bert', COMMIT));
    expect(readdirSync(folder).sort()).toEqual([...readdirSync(recorded('distilbert')), 'download.json'].sort());
    expect(readPretrained(folder)).toEqual(readPretrained(recorded('distilbert')));
    expect(messages).toContainEqual(
      expect.stringMatching(/^Downloading acme\/tiny-bert: model-00001-of-00003\.safetensors, 0\.0 of 0\.0 MB$/),
    );

    hub.requests.length = 0;
    expect((await download()).folder).toBe(folder);
    expect(hub.requests).toEqual([`/api/models/${ID}/revision/main`]);
    expect((await download(`${ID}@${COMMIT}`)).folder).toBe(folder);
    expect((await download(`${ID}@refs/pr/1`)).folder).toBe(folder);
    expect(transfers()).toEqual([]);
  });

  it('goes on from where a download broke off, within one run and in the next', async () => {
    let failures = 1;
    hub.interfere = ({ url }, response, body) => {
      if (!url!.endsWith(SHARD) || failures-- <= 0) return false;
      breakOff(response, body);
      return true;
    };
    const { folder } = await download();
    const size = statSync(join(folder, SHARD)).size;
    const asked = transfers().filter((path) => path.includes(SHARD));
    expect(asked).toHaveLength(2);
    const [, from] = /bytes=(\d+)-$/.exec(asked[1]!)!;
    expect(Number(from)).toBeGreaterThan(0);
    expect(Number(from)).toBeLessThanOrEqual(size / 2);
    expect(readPretrained(folder).parameters).toEqual(readPretrained(recorded('distilbert')).parameters);

    rmSync(folder, { recursive: true });
    hub.interfere = ({ url, headers }, response, body) => {
      if (!url!.endsWith(SHARD)) return false;
      if (headers.range === undefined) breakOff(response, body);
      else response.destroy();
      return true;
    };
    const { message, hint, code } = await failure();
    expect(message).toMatch(/^model-00002-of-00003\.safetensors could not be downloaded from http/);
    expect(hint).toMatch(/what has come so far is kept/);
    expect(code).toBe('network');
    expect(existsSync(join(folder, SHARD))).toBe(false);
    hub.interfere = () => false;
    hub.requests.length = 0;
    await download();
    expect(transfers().map((path) => path.replace(/.*\//, ''))).toEqual([
      expect.stringMatching(/^model-00002-of-00003\.safetensors bytes=\d+-$/),
      'model-00003-of-00003.safetensors',
    ]);
  });

  it('takes no name before its size and its hash are right', async () => {
    const cases: [RegExp, (response: ServerResponse, body: Buffer) => void][] = [
      [/only \d+ of \d+ bytes came/, (response, body) => response.writeHead(200).end(body.subarray(1))],
      [/bytes came, and it has/, (response, body) => response.writeHead(200).end(Buffer.concat([body, body]))],
      [/do not match their hash/, (response, body) => response.writeHead(200).end(Buffer.alloc(body.length))],
      [/the hub answers 503/, (response) => response.writeHead(503).end()],
    ];
    for (const name of [SHARD, 'config.json']) {
      for (const [problem, answer] of cases) {
        hub.interfere = ({ url }, response, body) => {
          if (!url!.endsWith(name)) return false;
          answer(response, body);
          return true;
        };
        expect((await failure()).message).toMatch(problem);
        expect(existsSync(join(cache, 'hub', 'acme--tiny-bert', COMMIT, name))).toBe(false);
        rmSync(join(cache, 'hub'), { recursive: true });
      }
    }
  });

  it('that is not there, private, or of no use is named with the way out', async () => {
    expect(await failure('acme/nothing')).toMatchObject({
      message: 'The hub has no model acme/nothing with a revision "main" (404).',
      code: 'network',
    });
    expect((await failure(`${ID}@v9`)).message).toContain('revision "v9"');
    hub.token = 'hf_secret';
    const refused = await failure();
    expect(refused.message).toMatch(/^The hub refuses acme\/tiny-bert \(401\)/);
    expect(refused.hint).toContain('HF_TOKEN');
    expect((await failure(ID, { HF_TOKEN: 'hf_wrong' })).message).toContain('401');
    await download(ID, { HF_TOKEN: 'hf_secret' });

    rmSync(join(cache, 'hub'), { recursive: true });
    hub.token = undefined;
    hub.files.delete('model.safetensors.index.json');
    hub.files.set('pytorch_model.bin', Buffer.from('pickle'));
    expect(await failure()).toMatchObject({ message: 'The model acme/tiny-bert has no weights as safetensors.', code: 'model' });
    expect(transfers().some((path) => path.endsWith('.bin'))).toBe(false);
    hub.interfere = (_, response) => Boolean(response.writeHead(200).end('<html>Sign in</html>'));
    expect((await failure()).message).toContain('does not answer as the Hugging Face hub does');
  });

  it('is used from the cache without a network, or offline, and otherwise says what to do', async () => {
    expect((await failure(ID, { HF_HUB_OFFLINE: '1' })).message).toBe(
      `The model ${ID} is not on this machine, and HF_HUB_OFFLINE forbids to download it.`,
    );
    expect(hub.requests).toEqual([]);
    const { folder } = await download();
    hub.requests.length = 0;
    expect((await download(ID, { HF_HUB_OFFLINE: '1' })).folder).toBe(folder);
    expect((await failure(`${ID}@v1`, { HF_HUB_OFFLINE: '1' })).message).toContain(`${ID}@v1 is not on this machine`);
    expect(hub.requests).toEqual([]);
    await hub.stop();
    const messages: string[] = [];
    expect((await download(ID, {}, (message) => void messages.push(message))).folder).toBe(folder);
    expect(messages.at(-1)).toMatch(/^The hub cannot be reached; using what was downloaded/);
    expect((await failure(`${ID}@v1`)).message).toMatch(/^acme\/tiny-bert could not be downloaded from .*ECONNREFUSED/);
    // What is incomplete is not used.
    writeFileSync(join(folder, 'config.json'), '');
    expect((await failure()).message).toContain('ECONNREFUSED');
    hub = await HubServer.start(ID, recorded('distilbert'));
    await download();
    expect(transfers().map((path) => path.replace(/.*\//, ''))).toEqual(['config.json']);
  });

  it('stops when it is told to', async () => {
    hub.interfere = ({ url }, response, body) => {
      if (!url!.endsWith(SHARD)) return false;
      response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 100));
      return true;
    };
    const controller = new AbortController();
    const options = {
      environment: { HF_ENDPOINT: hub.endpoint },
      signal: controller.signal,
      onProgress: (message: string) => message.includes(SHARD) && controller.abort(new Error('enough')),
    };
    await expect(downloadModel(parseHubId(ID)!, cache, options)).rejects.toThrow(/enough|abort/i);
  });

  it('is pinned to its commit in the record of a run', async () => {
    vi.stubEnv('HF_ENDPOINT', hub.endpoint);
    const { experiment, folder, remove } = makeWorkspace({
      model: { from: `${ID}@v1` },
      tokenizer: {},
      objectives: [{ type: 'mlm', batchSize: 4, sequenceLength: 16 }],
      training: { steps: 2, device: 'cpu', threads: 1 },
    });
    const messages: string[] = [];
    const { run } = await train({ experiment, events: { status: (message) => void messages.push(message) } });
    expect(messages).toContain(`Looking up ${ID}@v1`);
    const { model, resolved } = JSON.parse(readFileSync(join(run, 'experiment.json'), 'utf8')) as {
      model: object;
      resolved: { pretrained: object };
    };
    expect(model).toEqual({ from: `${ID}@v1` });
    expect(resolved.pretrained).toMatchObject({ from: `${ID}@v1`, revision: COMMIT });
    expect(existsSync(join(folder, '.objective-lab/cache/hub/acme--tiny-bert', COMMIT, SHARD))).toBe(true);
    remove();
  });
});
