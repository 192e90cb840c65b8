import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors, readSafetensors } from '../../../src/model/safetensors';
import { tensor, type Tensor } from '../../../src/onnx/types';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'safetensors-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (...pieces: Uint8Array[]): string => {
  const path = join(folder, 'model.safetensors');
  writeFileSync(path, Buffer.concat(pieces));
  return path;
};

/** A file with the given header and bytes, whatever they say. */
const forged = (header: unknown, bytes: number): string => {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return write(length, json, Buffer.alloc(bytes));
};

const entry = (start: number, end: number, shape = [2], dtype = 'F32'): object => ({ dtype, shape, data_offsets: [start, end] });

describe('safetensors', () => {
  it('come back as they were written', () => {
    const tensors = new Map<string, Tensor>([
      ['weight', tensor('float32', [2, 3], [1, -2, 3.5, 4, 5, 6])],
      ['scalar', tensor('float64', [], [Math.PI])],
      ['ids', tensor('int64', [2], [7, -8])],
      ['empty', tensor('float32', [0, 4], [])],
    ]);
    const read = readSafetensors(write(...encodeSafetensors(tensors)));
    expect([...read.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, value] of tensors) expect(read.get(name)).toEqual(value);
  });

  it.each<[string, () => string, RegExp]>([
    [
      'a header larger than the file',
      () => write(Buffer.from([255, 255, 0, 0, 0, 0, 0, 0]), Buffer.alloc(4)),
      /its header claims 65535 bytes/,
    ],
    ['a file of a few bytes', () => write(Buffer.alloc(3)), /shorter than its header/],
    ['a header that is not JSON', () => forged('{"a": ', 0), /header is not JSON/],
    ['a tensor past the end', () => forged({ a: entry(0, 8) }, 4), /past the end/],
    ['a gap between tensors', () => forged({ a: entry(0, 8), b: entry(12, 20) }, 20), /starts at 12/],
    ['tensors that overlap', () => forged({ a: entry(0, 8), b: entry(4, 12) }, 12), /starts at 4/],
    ['bytes after the last tensor', () => forged({ a: entry(0, 8) }, 12), /after the last tensor/],
    ['bytes that are not the shape', () => forged({ a: entry(0, 8, [3]) }, 8), /not its shape/],
    ['an element type that is not read', () => forged({ a: entry(0, 8, [2], 'F8') }, 8), /element type F8/],
    ['a negative extent', () => forged({ a: entry(0, 8, [-2]) }, 8), /described wrongly/],
  ])('are refused with %s, naming the file', (_, make, problem) => {
    const path = make();
    expect(() => readSafetensors(path)).toThrow(problem);
    expect(() => readSafetensors(path)).toThrow(path);
  });
});
