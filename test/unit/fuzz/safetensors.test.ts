import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, it } from 'vitest';
import { encodeSafetensors, readSafetensors } from '../../../src/model/safetensors';
import { tensor } from '../../../src/onnx/types';
import { mutatedBytes, mutatedJson } from './mutate';
import { replay, survives } from './survive';

const folder = mkdtempSync(join(tmpdir(), 'fuzz-safetensors-'));
const path = join(folder, 'model.safetensors');
afterAll(() => rmSync(folder, { recursive: true }));

const files = [
  encodeSafetensors(
    new Map([
      ['weight', tensor('float32', [2, 3], [1, 2, 3, 4, 5, 6])],
      ['bias', tensor('float32', [3], [1, 2, 3])],
    ]),
  ),
  encodeSafetensors(
    new Map([
      ['ids', tensor('int64', [2], [7, 8])],
      ['flags', tensor('bool', [3], [0, 1, 1])],
      ['empty', tensor('float32', [0, 4], [])],
    ]),
  ),
  encodeSafetensors(new Map()),
].map((pieces) => Buffer.concat(pieces));

const headerOf = (file: Buffer): string => file.toString('utf8', 8, 8 + Number(file.readBigUInt64LE()));
const bodyOf = (file: Buffer): Buffer => file.subarray(8 + Number(file.readBigUInt64LE()));

const read = (bytes: Uint8Array): void => {
  writeFileSync(path, bytes);
  readSafetensors(path);
};

describe(`safetensors files (${replay})`, { timeout: 120_000 }, () => {
  it('with bytes changed are read, or refused with the file named', () => {
    survives(mutatedBytes(files), read, { names: path, runs: 1800 });
  });

  it('with headers that say something else are read, or refused with the file named', () => {
    const bodies = files.map(bodyOf);
    const mutations = fc.tuple(mutatedJson(files.map((file) => JSON.parse(headerOf(file)) as unknown)), fc.constantFrom(...bodies));
    survives(
      mutations,
      ([header, body]) => {
        const json = Buffer.from(header.padEnd(Math.ceil(Buffer.byteLength(header) / 8) * 8));
        const length = Buffer.alloc(8);
        length.writeBigUInt64LE(BigInt(json.length));
        read(Buffer.concat([length, json, body]));
      },
      { names: path, runs: 1000 },
    );
  });
});
