import { describe, expect, it } from 'vitest';
import oracle from '../../oracle/contrastive.json';
import { grad } from '../../../src/onnx/grad';
import type { Value } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import {
  alignmentAndUniformity,
  cosent,
  infoNce as infoNceLosses,
  ntXent as ntXentLosses,
  orderedShare,
  retrievalAmongCandidates,
  retrievalAmongViews,
} from '../../../src/objectives/similarity-losses';
import { evaluate, fed, type Fed } from '../support/evaluate';
import { Random } from '../support/random';
import { mean } from './fixtures';

const ntXent = (...given: Parameters<typeof ntXentLosses>): Value => ops.reduceMean(ntXentLosses(...given));
const infoNce = (...given: Parameters<typeof infoNceLosses>): Value => ops.reduceMean(infoNceLosses(...given));

const near = (actual: readonly number[], expected: readonly number[], digits = 8): void => {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, digits));
};

describe('the losses of PyTorch', () => {
  for (const recorded of oracle.cases) {
    it(`are those of ours: ${recorded.name}`, async () => {
      const first = fed('float64', recorded.first.shape, recorded.first.data);
      const second = fed('float64', recorded.second.shape, recorded.second.data);
      const [a, b] = [ops.l2Normalize(first.value), ops.l2Normalize(second.value)];
      const scale = 1 / recorded.temperature;
      const losses = { ntXent: ntXent(ops.concat([a, b], 0), { scale }), infoNce: infoNce(a, b, { scale }) };
      const outputs = new Map<string, Value>(Object.entries(alignmentAndUniformity(a, b)));
      for (const [name, loss] of Object.entries(losses)) {
        const [g1, g2] = grad(loss, [first.value, second.value]);
        outputs.set(name, loss).set(`${name}/first`, g1!).set(`${name}/second`, g2!);
      }
      const values = await evaluate(outputs, [first, second]);
      for (const name of ['ntXent', 'infoNce'] as const) {
        near(values.get(name)!, [recorded[name].loss]);
        near(values.get(`${name}/first`)!, recorded[name].gradients[0]!.data);
        near(values.get(`${name}/second`)!, recorded[name].gradients[1]!.data);
      }
      near(values.get('alignment')!, [recorded.alignment]);
      near(values.get('uniformity')!, [recorded.uniformity.first]);
    });
  }
});

/** The formulas of the papers written out, for rows of plain numbers. */
type Rows = readonly (readonly number[])[];

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const distance = (a: readonly number[], b: readonly number[]): number => Math.hypot(...a.map((value, i) => value - b[i]!));

function plainNtXent(views: Rows, queue: Rows, scale: number): number {
  const count = views.length;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const partner = i < count / 2 ? i + count / 2 : i - count / 2;
    let candidates = 0;
    for (let k = 0; k < count; k++) if (k !== i) candidates += Math.exp(scale * dot(views[i]!, views[k]!));
    for (const old of queue) candidates += Math.exp(scale * dot(views[i]!, old));
    total -= Math.log(Math.exp(scale * dot(views[i]!, views[partner]!)) / candidates);
  }
  return total / count;
}

function plainInfoNce(anchors: Rows, positives: Rows, negatives: Rows, queue: Rows, scale: number): number {
  let total = 0;
  for (let i = 0; i < anchors.length; i++) {
    let candidates = 0;
    for (const text of [...positives, ...negatives, ...queue]) candidates += Math.exp(scale * dot(anchors[i]!, text));
    total -= Math.log(Math.exp(scale * dot(anchors[i]!, positives[i]!)) / candidates);
  }
  return total / anchors.length;
}

function plainCosent(first: Rows, second: Rows, scores: readonly number[], scale: number): number {
  let inside = 1;
  for (let i = 0; i < scores.length; i++)
    for (let j = 0; j < scores.length; j++)
      if (scores[i]! > scores[j]!) inside += Math.exp(scale * (dot(first[j]!, second[j]!) - dot(first[i]!, second[i]!)));
  return Math.log(inside);
}

const WIDTH = 3;
/** Rows that vary as one list of numbers, so that they can be shifted one by one. */
const cut = (numbers: readonly number[]): number[][] =>
  Array.from({ length: numbers.length / WIDTH }, (_, row) => numbers.slice(row * WIDTH, (row + 1) * WIDTH));

/** Compares a graph's scalar and its gradient with a plain function's value and its finite differences. */
async function expectSame(
  loss: Value,
  varied: Fed,
  constant: readonly Fed[],
  formula: (numbers: readonly number[]) => number,
): Promise<void> {
  const numbers = Array.from(varied.tensor.data as Float64Array);
  const [gradient] = grad(loss, [varied.value]);
  const values = await evaluate(
    new Map([
      ['loss', loss],
      ['gradient', gradient!],
    ]),
    [varied, ...constant],
  );
  near(values.get('loss')!, [formula(numbers)], 10);
  const step = 1e-5;
  const at = (i: number, delta: number): number => formula(numbers.map((value, k) => (k === i ? value + delta : value)));
  const slopes = numbers.map((_, i) => (at(i, step) - at(i, -step)) / (2 * step));
  expect(slopes.some((slope) => Math.abs(slope) > 1e-3)).toBe(true);
  near(values.get('gradient')!, slopes, 6);
}

describe('the formulas of the papers, written out', () => {
  const random = new Random(5);
  const some = (rows: number): Fed => fed('float64', [rows, WIDTH], random.numbers(rows * WIDTH, -1, 1));
  const contents = ({ tensor }: Fed): number[][] => cut(Array.from(tensor.data as Float64Array));

  for (const [scale, size] of [
    [1, 2],
    [3.3, 4],
    [7, 5],
  ] as const) {
    it(`are NT-Xent's: ${size} texts, scale ${scale}`, async () => {
      const [views, queue] = [some(2 * size), some(3)];
      await expectSame(ntXent(views.value, { scale }), views, [], (x) => plainNtXent(cut(x), [], scale));
      const remembering = ntXent(views.value, { scale, queue: queue.value });
      await expectSame(remembering, views, [queue], (x) => plainNtXent(cut(x), contents(queue), scale));
    });

    it(`are InfoNCE's, with hard negatives and a queue: ${size} texts, scale ${scale}`, async () => {
      const [anchors, positives, negatives, queue] = [some(size), some(size), some(size), some(4)];
      const [a, b, c, q] = [contents(anchors), contents(positives), contents(negatives), contents(queue)];
      const [given, hard] = [{ scale, queue: queue.value }, negatives.value];
      await expectSame(infoNce(anchors.value, positives.value, { scale }), positives, [anchors], (x) =>
        plainInfoNce(a, cut(x), [], [], scale),
      );
      const all = infoNce(anchors.value, positives.value, given, hard);
      await expectSame(all, anchors, [positives, negatives, queue], (x) => plainInfoNce(cut(x), b, c, q, scale));
      await expectSame(all, positives, [anchors, negatives, queue], (x) => plainInfoNce(a, cut(x), c, q, scale));
      await expectSame(all, negatives, [anchors, positives, queue], (x) => plainInfoNce(a, b, cut(x), q, scale));
    });

    it(`are CoSENT's, which asks nothing of pairs with the same score: ${size} texts, scale ${scale}`, async () => {
      const [first, second] = [some(size), some(size)];
      const scores = Array.from({ length: size }, (_, i) => [2, 5, 5, 1, 4][i]!);
      const loss = cosent(first.value, second.value, ops.vector('float32', scores), scale);
      await expectSame(loss, first, [second], (x) => plainCosent(cut(x), contents(second), scores, scale));
      await expectSame(loss, second, [first], (x) => plainCosent(contents(first), cut(x), scores, scale));
    });

    it(`give the scale its gradient: ${size} texts, scale ${scale}`, async () => {
      const [views, learned] = [some(2 * size), fed('float64', [], [scale])];
      const [a, b] = [contents(views).slice(0, size), contents(views).slice(size)];
      const scores = Array.from({ length: size }, (_, i) => i);
      const [first, second] = ops.split(views.value, [size, size], 0) as [Value, Value];
      await expectSame(ntXent(views.value, { scale: learned.value }), learned, [views], ([x]) => plainNtXent([...a, ...b], [], x!));
      await expectSame(infoNce(first, second, { scale: learned.value }), learned, [views], ([x]) => plainInfoNce(a, b, [], [], x!));
      await expectSame(cosent(first, second, ops.vector('float32', scores), learned.value), learned, [views], ([x]) =>
        plainCosent(a, b, scores, x!),
      );
    });
  }

  it('are those of alignment and uniformity', async () => {
    const [first, second] = [some(6), some(6)];
    const [a, b] = [ops.l2Normalize(first.value), ops.l2Normalize(second.value)];
    const unit = (row: readonly number[]): number[] => row.map((value) => value / Math.hypot(...row));
    const [x, y] = [contents(first).map(unit), contents(second).map(unit)];
    const closeness = x.flatMap((one, i) => x.slice(0, i).map((other) => Math.exp(-2 * distance(one, other) ** 2)));
    const values = await evaluate(new Map(Object.entries(alignmentAndUniformity(a, b))), [first, second]);
    near(values.get('alignment')!, [mean(x.map((one, i) => distance(one, y[i]!) ** 2))]);
    near(values.get('uniformity')!, [Math.log(mean(closeness))]);
  });
});

describe('retrieval and order', () => {
  it('count the texts whose nearest other text is their own', async () => {
    // The first and its partner point the same way; the second's partner lies nearer to the first.
    const views = fed('float64', [4, 2], [1, 0, 0, 1, 0.9, 0.1, 0.8, 0.3]);
    const [anchors, candidates] = [fed('float64', [2, 2], [1, 0, 0, 1]), fed('float64', [3, 2], [0.9, 0.1, 0.8, 0.3, 0.1, 1])];
    const values = await evaluate(
      new Map([
        ['views', retrievalAmongViews(views.value)],
        ['candidates', retrievalAmongCandidates(anchors.value, candidates.value)],
        ['two candidates', retrievalAmongCandidates(anchors.value, ops.slice(candidates.value, [0], [2]))],
      ]),
      [views, anchors, candidates],
    );
    expect(values.get('views')).toEqual([0.75]);
    expect(values.get('candidates')).toEqual([0.5]);
    expect(values.get('two candidates')).toEqual([1]);
  });

  it('count the pairs of pairs in the order of their scores, those with the same score left out', async () => {
    const likeness = [0.1, 0.9, 0.5, 0.3];
    const first = fed('float64', [4, 1], likeness);
    const second = fed('float64', [4, 1], [1, 1, 1, 1]);
    // Five pairs have different scores, and only the first over the last is in the wrong order.
    const scores = ops.vector('float32', [1, 2, 2, 0]);
    const values = await evaluate(new Map([['share', orderedShare(first.value, second.value, scores)]]), [first, second]);
    near(values.get('share')!, [4 / 5], 6);
  });
});
