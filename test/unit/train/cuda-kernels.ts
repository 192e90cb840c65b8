import type { DType } from '../../../src/onnx/types';

/** Element types that a kernel takes, of those that our graphs have. */
type Kernel = readonly DType[];

const FLOATS: Kernel = ['float32', 'float64'];
const ANY_FLOAT: Kernel = [...FLOATS, 'bfloat16'];
const SIGNED: Kernel = [...FLOATS, 'int32', 'int64'];
const NUMBERS: Kernel = [...SIGNED, 'uint32'];
const ARITHMETIC: Kernel = [...NUMBERS, 'uint8', 'bfloat16'];
const ALL: Kernel = [...ARITHMETIC, 'bool'];
const INDICES: Kernel = ['int32', 'int64'];

/** Outputs are like the first input unless told. */
const kernel = (inputs: readonly Kernel[], outputs = inputs.slice(0, 1)) => ({ inputs, outputs });

/**
 * The operators that training steps are made of, with what their kernels of CUDA at opset 20 take: for each input, the last one standing for all that
 * follow, and each output.
 *
 * From docs/OperatorKernels.md of microsoft/onnxruntime, which is generated from the registered kernels: section CUDAExecutionProvider, commit
 * 001d12d2623fd411ce0f83d05abb5e82304a3389, read in November 2026. float16 and other types that our graphs do not have are left out.
 */
export const cudaKernels: Readonly<Record<string, { readonly inputs: readonly Kernel[]; readonly outputs: readonly Kernel[] }>> = {
  Add: kernel([ARITHMETIC]),
  ArgMax: kernel([FLOATS], [['int64']]),
  Cast: kernel([ALL], [ALL]),
  Concat: kernel([ALL]),
  Div: kernel([ARITHMETIC]),
  Equal: kernel([[...NUMBERS, 'bool']], [['bool']]),
  Erf: kernel([ANY_FLOAT]),
  Exp: kernel([ANY_FLOAT]),
  Expand: kernel([ALL, ['int64']]),
  FusedMatMul: kernel([ANY_FLOAT]),
  Gather: kernel([ALL, INDICES], [ALL]),
  GatherElements: kernel([ALL, INDICES], [ALL]),
  Gelu: kernel([ANY_FLOAT]),
  Gemm: kernel([ANY_FLOAT]),
  Greater: kernel([NUMBERS], [['bool']]),
  GreaterOrEqual: kernel([NUMBERS], [['bool']]),
  Identity: kernel([ALL]),
  LayerNormalization: kernel([ANY_FLOAT], [ANY_FLOAT, ['float32']]),
  Less: kernel([NUMBERS], [['bool']]),
  Log: kernel([FLOATS]),
  Max: kernel([[...NUMBERS, 'bfloat16']]),
  Min: kernel([[...NUMBERS, 'bfloat16']]),
  Mul: kernel([ARITHMETIC]),
  Neg: kernel([[...SIGNED, 'bfloat16']]),
  Not: kernel([['bool']]),
  Pad: kernel([[...FLOATS, 'bool']]),
  ReduceL2: kernel([[...FLOATS, 'int32']]),
  ReduceLogSumExp: kernel([FLOATS]),
  ReduceMax: kernel([SIGNED]),
  ReduceMean: kernel([[...FLOATS, 'int32']]),
  ReduceSum: kernel([[...SIGNED, 'bfloat16']]),
  ReduceSumSquare: kernel([FLOATS]),
  Relu: kernel([ANY_FLOAT]),
  Reshape: kernel([ALL]),
  Scan: kernel([ALL]),
  ScatterElements: kernel([ALL, INDICES, ALL]),
  SequenceEmpty: kernel([], []),
  Sigmoid: kernel([ANY_FLOAT]),
  Slice: kernel([ALL]),
  Softmax: kernel([ANY_FLOAT]),
  Softplus: kernel([FLOATS]),
  Split: kernel([ALL]),
  Sqrt: kernel([ANY_FLOAT]),
  Sub: kernel([ARITHMETIC]),
  Tanh: kernel([ANY_FLOAT]),
  Transpose: kernel([ALL]),
  Where: kernel([['bool'], [...SIGNED, 'uint8', 'bfloat16']], [[...SIGNED, 'uint8', 'bfloat16']]),
};
