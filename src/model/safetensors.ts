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
const halves: Readonly<Record<string, (bits: number) => number>> = { F16: float16, BF16: bfloat16 };

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
    if (half) tensors.set(name, { dtype: 'float32', shape, data: widened(data as Uint16Array, half) });
    else tensors.set(name, { dtype: names[dtype as Code], shape, data: data as Tensor['data'] });
    expected = end;
  }
  if (8 + headerSize + expected !== bytes.length) return fail('there are bytes after the last tensor');
  return tensors;
}

const offsetOf = (entry: unknown): number => (entry as { data_offsets?: number[] } | null)?.data_offsets?.[0] ?? 0;

/** Each of the 65,536 numbers is worked out once, however many there are. */
function widened(bits: Uint16Array, value: (bits: number) => number): Float32Array {
  const table = Float32Array.from({ length: 2 ** 16 }, (_, each) => value(each));
  return Float32Array.from(bits, (each) => table[each]!);
}

/** IEEE 754's binary16: a sign, 5 bits of exponent, 10 of fraction. */
function float16(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a float32. */
function bfloat16(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}
