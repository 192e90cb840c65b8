import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { UserError } from '../shared/errors';
import { shortened } from '../shared/format';
import { jsonOddities } from '../shared/json';
import type { DType, Tensor } from '../onnx/types';

/**
 * The safetensors format: an 8-byte little-endian header size, a JSON header, then the tensors' bytes without gaps. Read strictly, since a model
 * file may come from anywhere.
 */
const LENGTH_BYTES = 8;
const HEADER_LIMIT = 100_000_000;
const ALIGNMENT = 8;

const names = {
  F32: 'float32',
  F64: 'float64',
  I64: 'int64',
  I32: 'int32',
  U32: 'uint32',
  U8: 'uint8',
  BOOL: 'bool',
} as const satisfies Record<string, DType>;
const arrays = {
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  I32: Int32Array,
  U32: Uint32Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;
type Code = keyof typeof names;

/** Element types of two bytes, which are read as float32. */
const halves: Readonly<Record<string, (bits: Uint16Array) => Float32Array>> = { F16: float16, BF16: bfloat16 };

const codeOf = (dtype: DType): Code => (Object.keys(names) as Code[]).find((code) => names[code] === dtype)!;

/** The file's bytes, in pieces to be written one after another, so that no second copy of a model is made. */
export function encodeSafetensors(tensors: ReadonlyMap<string, Tensor>, metadata: Readonly<Record<string, string>> = {}): Uint8Array[] {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let offset = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype: codeOf(dtype), shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(json.length / ALIGNMENT) * ALIGNMENT).fill(0x20);
  padded.set(json);
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  return [length, padded, ...[...tensors.values()].map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/** A tensor as the header describes it; every field is there, and no other. */
const Entry = z.strictObject({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const Metadata = z.record(z.string(), z.string());

/**
 * Reads a file as strictly as the format's own reader: what the header says must account for every byte once.
 *
 * @throws UserError (code `model`) that names the file and what is wrong with it
 */
export function readSafetensors(path: string): Map<string, Tensor> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UserError(`${path} cannot be read.`, 'Choose a run or model folder that has its weights.', 'model', { cause: error });
  }
  try {
    return decode(bytes);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new UserError(
      `${path} is not a valid safetensors file: ${error.message}.`,
      'The file is damaged or cut off; use another checkpoint or download it again.',
      'model',
      { cause: error },
    );
  }
}

/** What is wrong with a file, to follow a colon. */
class Malformed extends Error {}

function decode(bytes: Buffer): Map<string, Tensor> {
  if (bytes.length < LENGTH_BYTES) throw new Malformed('it is shorter than its header');
  const headerSize = Number(bytes.readBigUInt64LE(0));
  const first = LENGTH_BYTES + headerSize;
  if (headerSize > HEADER_LIMIT || first > bytes.length) throw new Malformed(`its header claims ${headerSize} bytes`);
  const tensors = new Map<string, Tensor>();
  let expected = 0;
  for (const { name, what, code, shape, start, end } of describedBy(bytes.subarray(LENGTH_BYTES, first))) {
    const half = halves[code];
    const Typed = half ? Uint16Array : arrays[code as Code];
    if (start !== expected) throw new Malformed(`${what} starts at ${start} and not where the one before it ends, at ${expected}`);
    if (end - start !== elementsOf(shape) * Typed.BYTES_PER_ELEMENT)
      throw new Malformed(`${what} has ${end - start} bytes, which is not its shape [${shortened(shape.join(', '))}]`);
    if (first + end > bytes.length) throw new Malformed(`${what} reaches past the end of the file`);
    // A copy, since typed arrays must start at a multiple of their element size.
    const copy = new Uint8Array(bytes.subarray(first + start, first + end));
    const data = new Typed(copy.buffer);
    tensors.set(
      name,
      half
        ? { dtype: 'float32', shape, data: half(data as Uint16Array) }
        : { dtype: names[code as Code], shape, data: data as Tensor['data'] },
    );
    expected = end;
  }
  if (first + expected !== bytes.length) throw new Malformed('there are bytes after the last tensor');
  return tensors;
}

interface Described {
  readonly name: string;
  /** The tensor as messages call it. */
  readonly what: string;
  readonly code: string;
  readonly shape: number[];
  readonly start: number;
  readonly end: number;
}

/** The tensors of a header in the order of their bytes. */
function describedBy(header: Uint8Array): Described[] {
  const tensors = Object.entries(parse(header)).flatMap(([name, raw]): Described[] => {
    if (name === '__metadata__') {
      if (Metadata.safeParse(raw).success) return [];
      throw new Malformed('its __metadata__ has what is no text');
    }
    const what = `the tensor "${shortened(name)}"`;
    const entry = Entry.safeParse(raw);
    if (!entry.success) {
      const wrong = entry.error.issues[0]!.path[0];
      throw new Malformed(`${what} is described wrongly${wrong === undefined ? '' : ` in its ${wrong.toString()}`}`);
    }
    const {
      dtype,
      shape,
      data_offsets: [start, end],
    } = entry.data;
    if (!isCode(dtype))
      throw new Malformed(
        `${what} has the element type ${shortened(dtype)}, and only ${[...Object.keys(names), ...Object.keys(halves)].join(', ')} are read`,
      );
    return [{ name, what, code: dtype, shape, start, end }];
  });
  // Tensors without elements begin where the one after them does.
  return tensors.sort((a, b) => a.start - b.start || a.end - b.end);
}

function parse(header: Uint8Array): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
    value = JSON.parse(text);
  } catch (error) {
    throw new Malformed('its header is not JSON', { cause: error });
  }
  if (!text.startsWith('{')) throw new Malformed('its header is no JSON object');
  const { doubled } = jsonOddities(text);
  if (doubled !== undefined) throw new Malformed(`its header has "${shortened(doubled)}" twice`);
  return value as Record<string, unknown>;
}

const isCode = (text: string): boolean => Object.hasOwn(names, text) || Object.hasOwn(halves, text);

/** The product of a shape; the format counts in whole numbers, and what overflows on the way is no shape, even if a 0 follows. */
const elementsOf = (shape: readonly number[]): number => {
  let elements = 1;
  for (const extent of shape) {
    elements *= extent;
    if (!Number.isSafeInteger(elements)) return NaN;
  }
  return elements;
};

const float16s = new Float32Array(2 ** 16);

/** IEEE 754's binary16: a sign, 5 bits of exponent, 10 of fraction. Each of the 65,536 numbers is worked out once. */
function float16(bits: Uint16Array): Float32Array {
  // The one that stands for 1 tells whether it has been done.
  if (float16s[0x3c00] === 0) {
    for (let each = 0; each < float16s.length; each++) {
      const [sign, exponent, fraction] = [each & 0x8000 ? -1 : 1, (each >> 10) & 0x1f, each & 0x3ff];
      if (exponent === 0) float16s[each] = sign * fraction * 2 ** -24;
      else if (exponent === 0x1f) float16s[each] = fraction === 0 ? sign * Infinity : NaN;
      else float16s[each] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    }
  }
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = float16s[bits[i]!]!;
  return values;
}

/** The upper halves of float32s. */
function bfloat16(bits: Uint16Array): Float32Array {
  const values = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = bits[i]! << 16;
  return new Float32Array(values.buffer);
}
