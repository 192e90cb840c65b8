import { readFileSync } from 'node:fs';
import { UserError } from '../shared/errors';
import { size, type DType, type Tensor } from '../onnx/types';

/**
 * The safetensors format: an 8-byte little-endian header size, a JSON header, then the tensors' bytes without gaps. Read strictly, since a model
 * file may come from anywhere.
 */
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
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  return [length, padded, ...[...tensors.values()].map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/** @throws UserError (code `model`) that names the file and what is wrong with it */
export function readSafetensors(path: string): Map<string, Tensor> {
  const fail = (problem: string, cause?: unknown): never => {
    throw new UserError(
      `${path} is not a valid safetensors file: ${problem}.`,
      'The file is damaged or cut off; use another checkpoint or download it again.',
      'model',
      { cause },
    );
  };
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UserError(`${path} cannot be read.`, 'Choose a run or model folder that has its weights.', 'model', { cause: error });
  }
  if (bytes.length < 8) return fail('it is shorter than its header');
  const headerSize = Number(bytes.readBigUInt64LE(0));
  if (headerSize > HEADER_LIMIT || 8 + headerSize > bytes.length) return fail(`its header claims ${headerSize} bytes`);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(bytes.toString('utf8', 8, 8 + headerSize)) as Record<string, unknown>;
  } catch (error) {
    return fail('its header is not JSON', error);
  }
  const tensors = new Map<string, Tensor>();
  let expected = 0;
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  for (const [name, raw] of entries.sort((a, b) => offsetOf(a[1]) - offsetOf(b[1]))) {
    const { dtype, shape, data_offsets: offsets } = (raw ?? {}) as { dtype?: string; shape?: number[]; data_offsets?: number[] };
    const half = dtype === undefined ? undefined : halves[dtype];
    const Typed = half ? Uint16Array : dtype !== undefined && Object.hasOwn(arrays, dtype) ? arrays[dtype as Code] : undefined;
    if (!Typed) {
      const known = [...Object.keys(names), ...Object.keys(halves)].join(', ');
      return fail(`the tensor "${name}" has the element type ${String(dtype)}, and only ${known} are read`);
    }
    const whole = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
    if (!Array.isArray(shape) || !shape.every(whole) || !Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole))
      return fail(`the tensor "${name}" is described wrongly`);
    const [start, end] = offsets as [number, number];
    if (start !== expected) return fail(`the tensor "${name}" starts at ${start} and not where the one before it ends, at ${expected}`);
    if (end - start !== size(shape) * Typed.BYTES_PER_ELEMENT)
      return fail(`the tensor "${name}" has ${end - start} bytes, which is not its shape [${shape.join(', ')}]`);
    if (8 + headerSize + end > bytes.length) return fail(`the tensor "${name}" reaches past the end of the file`);
    // A copy, since typed arrays must start at a multiple of their element size.
    const copy = new Uint8Array(bytes.subarray(8 + headerSize + start, 8 + headerSize + end));
    const data = new Typed(copy.buffer);
    if (half) tensors.set(name, { dtype: 'float32', shape, data: half(data as Uint16Array) });
    else tensors.set(name, { dtype: names[dtype as Code], shape, data: data as Tensor['data'] });
    expected = end;
  }
  if (8 + headerSize + expected !== bytes.length) return fail('there are bytes after the last tensor');
  return tensors;
}

const offsetOf = (entry: unknown): number => (entry as { data_offsets?: number[] } | null)?.data_offsets?.[0] ?? 0;

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
