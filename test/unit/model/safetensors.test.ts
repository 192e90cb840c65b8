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
    ['an element type that every object has', () => forged({ a: entry(0, 8, [2], 'toString') }, 8), /element type toString/],
    ['no object', () => forged('null', 0), /no JSON object/],
    [
      'a name that stands twice',
      () => forged(`{"a":${JSON.stringify(entry(0, 8))},"a":${JSON.stringify(entry(0, 8))}}`, 8),
      /has "a" twice/,
    ],
    [
      'a field that stands twice',
      () => forged('{"a":{"dtype":"F32","shape":[9],"shape":[2],"data_offsets":[0,8]}}', 8),
      /has "shape" twice/,
    ],
    ['a field that the format does not have', () => forged({ a: { ...entry(0, 8), strides: [1] } }, 8), /described wrongly/],
    ['metadata that is no text', () => forged({ __metadata__: { a: 1 } }, 0), /__metadata__/],
    ['a header that is not UTF-8', () => write(Buffer.from([10, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{"\xff":null}', 'latin1')), /not JSON/],
    ['a shape whose product overflows', () => forged({ a: entry(0, 8, [2 ** 32, 2 ** 32, 2 ** 32]) }, 8), /not its shape/],
    ['a shape whose product overflows before it is 0', () => forged({ a: entry(0, 0, [2 ** 40, 2 ** 40, 0]) }, 0), /not its shape/],
    ['a negative extent', () => forged({ a: entry(0, 8, [-2]) }, 8), /described wrongly/],
  ])('are refused with %s, naming the file', (_, make, problem) => {
    const path = make();
    expect(() => readSafetensors(path)).toThrow(problem);
    expect(() => readSafetensors(path)).toThrow(path);
  });

  it('may have tensors without elements between others, whatever the order in the header', () => {
    const path = forged({ b: entry(8, 16), none: entry(8, 8, [0, 7]), a: entry(0, 8) }, 16);
    expect([...readSafetensors(path).keys()]).toEqual(['a', 'none', 'b']);
  });

  it('allocate nothing for what a header only claims', () => {
    const path = forged({ a: entry(0, 2 ** 52, [2 ** 50]) }, 8);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => readSafetensors(path)).toThrow(/past the end/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6);
  });

  it('may call a tensor what they like', () => {
    const header = '{"__proto__":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    expect([...readSafetensors(forged(header, 8)).keys()]).toEqual(['__proto__']);
  });
});
