import { TensorProto_DataLocation, TensorProto_DataType, type TensorProto } from 'onnx-buf';
import { UserError } from '../../shared/errors';
import { elementTypes } from '../serialise';
import { allocate, isShape, size, type StoredType, type Tensor, type TensorData } from '../types';

const { bfloat16: _, ...readable } = elementTypes;
const dtypes = new Map<number, StoredType>(Object.entries(readable).map(([dtype, elementType]) => [elementType, dtype as StoredType]));

/** @throws UserError (code `onnx`) for an element type that the compiler does not have */
export function dtypeOf(elementType: number, what: string): StoredType {
  const dtype = dtypes.get(elementType);
  if (dtype) return dtype;
  const name = TensorProto_DataType[elementType]?.toLowerCase() ?? `number ${elementType}`;
  throw new UserError(
    // ONNX's own name for none.
    name === 'undefined' ? `${what} has no element type.` : `${what} has the element type ${name}.`,
    `Export the model with ${Object.keys(readable).join(', ')} alone.`,
    'onnx',
  );
}

/** A file beside the model in which large tensors lie, by the name that the model gives it. */
export type ReadExternal = (location: string) => Uint8Array;

/** A tensor's contents. @throws UserError (code `onnx`) when it says more elements than it has, or lies where it cannot be read */
export function readTensor(proto: TensorProto, external: ReadExternal | undefined): Tensor {
  const what = `The tensor "${proto.name}"`;
  const dtype = dtypeOf(proto.dataType, what);
  const shape = proto.dims.map(Number);
  const count = size(shape);
  if (!isShape(shape))
    throw new UserError(
      `${what} has the shape [${shape.join(', ')}], which is none.`,
      'The file is damaged; export the model again.',
      'onnx',
    );
  const bytes = proto.dataLocation === TensorProto_DataLocation.EXTERNAL ? externalBytes(proto, external) : proto.rawData;
  const data = bytes.length > 0 || count === 0 ? fromBytes(dtype, bytes) : fromFields(dtype, proto);
  if (data?.length !== count) {
    const found = data ? `${data.length} elements` : 'a number of bytes that its elements do not divide';
    throw new UserError(
      `${what} has ${found}, and its shape [${shape.join(', ')}] needs ${count}.`,
      'The file is damaged or cut off; export the model again.',
      'onnx',
    );
  }
  return { dtype, shape, data };
}

function fromBytes(dtype: StoredType, bytes: Uint8Array): TensorData | undefined {
  const empty = allocate(dtype, 0);
  if (bytes.length % empty.BYTES_PER_ELEMENT !== 0) return undefined;
  const data = allocate(dtype, bytes.length / empty.BYTES_PER_ELEMENT);
  new Uint8Array(data.buffer).set(bytes);
  return data;
}

/** The older form: a list of numbers for each kind of element. */
function fromFields(dtype: StoredType, { floatData, doubleData, int64Data, int32Data, uint64Data }: TensorProto): TensorData {
  const fields = {
    float32: floatData,
    float64: doubleData,
    int64: int64Data,
    int32: int32Data,
    uint32: uint64Data,
    uint8: int32Data,
    bool: int32Data,
  };
  const source = fields[dtype];
  const data = allocate(dtype, source.length);
  source.forEach((value, i) => (data[i] = dtype === 'int64' ? value : Number(value)));
  return data;
}

function externalBytes({ name, externalData }: TensorProto, external: ReadExternal | undefined): Uint8Array {
  const entries = new Map(externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location') ?? '';
  if (!external)
    throw new UserError(
      `The tensor "${name}" lies in the file "${location}", outside the model.`,
      'Open the model by its path, with that file beside it.',
      'onnx',
    );
  const file = external(location);
  const [offset = '0', extent] = [entries.get('offset'), entries.get('length')];
  const start = Number(offset);
  const length = extent === undefined ? file.length - start : Number(extent);
  if (!Number.isSafeInteger(start) || start < 0 || !Number.isSafeInteger(length) || length < 0 || start + length > file.length)
    throw new UserError(
      `The tensor "${name}" should be at byte ${offset} of "${location}", which has ${file.length} bytes.`,
      'Use the model and the file of one export.',
      'onnx',
    );
  return file.subarray(start, start + length);
}
