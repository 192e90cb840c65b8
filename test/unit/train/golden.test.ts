import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { input, type Value } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import { serialise } from '../../../src/onnx/serialise';
import { tensor } from '../../../src/onnx/types';
import { listCheckpoints } from '../../../src/train/checkpoint';
import { runtimeVersion, Session } from '../../../src/train/device';
import { train } from '../../../src/train/loop';
import { readMetrics } from '../../../src/train/run';
import { makeWorkspace } from '../support/workspace';
import { Random } from '../support/random';

/*
 * Short runs whose numbers must not change unless they are meant to. To record them anew, after a change that is meant to:
 *   RECORD_GOLDEN=1 npx vitest run test/unit/train/golden.test.ts
 */
const RECORD = process.env.RECORD_GOLDEN !== undefined;
/** How far other kernels may be off, relatively: those of AVX, AVX2 and AVX-512 are within 2e-6 of each other. */
const TOLERANCE = 2e-5;
const PATH = join(import.meta.dirname, 'golden.json');

const Recorded = z.object({
  /** What the runs gave, by their names: numbers as they are, and a hash of the final tensors. */
  runs: z.record(z.string(), z.object({ numbers: z.array(z.number()), tensors: z.string() })),
});
const File = z.record(z.string(), Recorded);
const recorded = existsSync(PATH) ? File.parse(JSON.parse(readFileSync(PATH, 'utf8'))) : {};

const mlm = { type: 'mlm', batchSize: 4, sequenceLength: 16 };
const contrastive = { type: 'contrastive', batchSize: 4, sequenceLength: 16, weight: 0.1 };
const both = [mlm, contrastive];
const RUNS: Record<string, object> = {
  mlm: { objectives: [mlm] },
  contrastive: { objectives: [{ ...contrastive, queue: 8, learnTemperature: true }] },
  nsp: { objectives: [{ type: 'nsp', batchSize: 4, sequenceLength: 32 }] },
  sop: { objectives: [{ type: 'sop', batchSize: 4, sequenceLength: 32 }] },
  seq2seq: { objectives: [{ type: 'seq2seq', batchSize: 4, sequenceLength: 16 }] },
  clm: { objectives: [{ type: 'clm', batchSize: 4, sequenceLength: 16 }] },
  rtd: { objectives: [{ type: 'rtd', batchSize: 4, sequenceLength: 16 }] },
  sum: { objectives: both },
  'in turn': { objectives: both, combination: { kind: 'alternate', ratio: { mlm: 2, contrastive: 1 } } },
  'in phases': {
    objectives: both,
    combination: {
      kind: 'phases',
      phases: [
        { objectives: ['mlm'], share: 0.5 },
        { objectives: ['mlm', 'contrastive'], share: 0.5 },
      ],
    },
  },
};

/** Products of a step, as rows × inner × columns. With a single row or column the runtime takes other kernels. */
const PRODUCTS = [
  [64, 32, 32],
  [64, 32, 128],
  [64, 128, 32],
  [7, 32, 200],
  [16, 8, 16],
  [1, 32, 200],
  [32, 200, 1],
] as const;

/**
 * What the kernels of this machine are known by: ONNX Runtime takes others on other processors, which round differently. The hash of what they give for
 * work such as a step's.
 */
async function kernels(): Promise<string> {
  const random = new Random(3);
  const sum = createHash('sha256').update(`${process.platform} ${process.arch} ${await runtimeVersion()}`);
  for (const [rows, inner, columns] of PRODUCTS) {
    const shapes = { x: [rows, inner], w: [columns, inner], xT: [inner, rows], wT: [inner, columns] };
    const feed = (name: keyof typeof shapes): Value => input(name, 'float32', shapes[name]);
    const [x, w, xT, wT] = [feed('x'), feed('w'), feed('xT'), feed('wT')];
    const product = ops.gemm(x, w, undefined, { transB: 1 });
    const vector = (value: number): Value => ops.vector('float32', Array<number>(columns).fill(value));
    const normal = ops.layerNormalization(product, vector(1), vector(0), 1e-12);
    const outputs = {
      product,
      plain: ops.matMul(x, wT),
      turned: ops.gemm(xT, wT, undefined, { transA: 1 }),
      normal,
      gelu: ops.gelu(product),
      softmax: ops.softmax(product, -1),
      sum: ops.reduceSum(ops.exp(normal)),
      tanh: ops.tanh(product),
    };
    const session = await Session.create(serialise(new Map(Object.entries(outputs))));
    const feeds = Object.entries(shapes).map(([name, shape]) => {
      return [name, tensor('float32', shape, random.numbers(shape[0]! * shape[1]!, -1, 1))] as const;
    });
    for (const { data } of (await session.run(new Map(feeds))).values()) sum.update(data as Float32Array);
    await session.release();
  }
  return sum.digest('hex').slice(0, 16);
}

describe('golden losses', () => {
  let machine: string;
  const fresh: z.infer<typeof Recorded>['runs'] = {};
  beforeAll(async () => (machine = await kernels()));
  afterAll(() => {
    if (!RECORD) return;
    // What other kernels gave before a change is of no use after it.
    const before = recorded[machine]?.runs;
    const changed = before !== undefined && !isDeepStrictEqual(before, fresh);
    writeFileSync(PATH, `${JSON.stringify({ ...(!changed && recorded), [machine]: { runs: fresh } }, null, 1)}\n`);
  });

  it.each(Object.entries(RUNS))('of %s are what they were', async (name, experiment) => {
    const training = { steps: 8, device: 'cpu', threads: 1, evaluateEvery: 4, checkpointEvery: 8, learningRate: 0.003 };
    const workspace = makeWorkspace({ ...experiment, training });
    const { run } = await train({ experiment: workspace.experiment });
    const numbers = readMetrics(run, -1, 100).flatMap(({ loss, eval: measured, gradientNorm }) => [
      ...Object.values(loss ?? {}),
      ...Object.values(measured ?? {}),
      ...(gradientNorm === undefined ? [] : [gradientNorm]),
    ]);
    const state = z
      .object({ hashes: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync(join(listCheckpoints(run).at(-1)!.folder, 'state.json'), 'utf8')));
    workspace.remove();
    fresh[name] = { numbers, tensors: `${state.hashes['model.safetensors']} ${state.hashes['optimizer.safetensors']}` };
    if (RECORD) return;
    const exact = recorded[machine]?.runs[name];
    if (exact) {
      expect(fresh[name]).toEqual(exact);
      return;
    }
    // Other kernels: the same but for rounding.
    console.warn(`The kernels ${machine} are not in golden.json: "${name}" is compared within ${TOLERANCE}.`);
    const [other] = Object.values(recorded);
    const expected = other!.runs[name]!.numbers;
    expect(numbers).toHaveLength(expected.length);
    numbers.forEach((number, i) => expect(Math.abs(number - expected[i]!)).toBeLessThan(TOLERANCE * Math.max(1, Math.abs(expected[i]!))));
  });
});
