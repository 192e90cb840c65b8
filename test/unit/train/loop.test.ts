import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openModel } from '../../../src/inspect/model';
import { Reader } from '../../../src/inspect/reader';
import { diskError, UserError } from '../../../src/shared/errors';
import type { Metrics } from '../../../src/shared/types';
import { readSafetensors } from '../../../src/model/safetensors';
import { tensor } from '../../../src/onnx/types';
import { Dataset } from '../../../src/text/dataset';
import { listCheckpoints, newestCheckpoint } from '../../../src/train/checkpoint';
import { Session } from '../../../src/train/device';
import { resume, train } from '../../../src/train/loop';
import { Optimisation } from '../../../src/train/optimisation';
import { listRuns, readMetrics, Run } from '../../../src/train/run';
import { makeWorkspace } from '../support/workspace';

const workspaces: { remove: () => void }[] = [];
const workspace = (...options: Parameters<typeof makeWorkspace>): ReturnType<typeof makeWorkspace> => {
  const made = makeWorkspace(...options);
  workspaces.push(made);
  return made;
};
afterEach(() => workspaces.splice(0).forEach(({ remove }) => remove()));

const tensorsOf = (run: string): string =>
  JSON.stringify([...newestCheckpoint(run).parameters].map(([name, { data }]) => [name, Array.from(data as Float32Array)]));

describe('a run', () => {
  it('leaves a folder that holds all there is to know of it', async () => {
    const { experiment, folder } = workspace();
    const lines: Metrics[] = [];
    const result = await train({ experiment, events: { metrics: (line) => lines.push(line) } });

    expect(result).toMatchObject({ steps: 12, reason: 'completed' });
    expect(result.run.startsWith(join(folder, '.objective-lab', 'runs'))).toBe(true);
    expect(readdirSync(result.run).sort()).toEqual([
      'checkpoints',
      expect.stringMatching(/^events\.out\.tfevents\.\d+\.0000$/),
      'experiment.json',
      'log.txt',
      'metrics.jsonl',
      'status.json',
      'tokenizer.json',
    ]);
    expect(lines).toEqual(readMetrics(result.run, -1, 1000));
    expect(lines.filter((line) => line.loss).map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(lines.filter((line) => line.eval).map(({ step }) => step)).toEqual([0, 6, 12]);
    expect(result.eval.mlm).toBeLessThan(lines.find((line) => line.eval)!.eval!.mlm!);
    expect(listCheckpoints(result.run).map(({ step }) => step)).toEqual([5, 10, 12]);
    const record = JSON.parse(readFileSync(join(result.run, 'experiment.json'), 'utf8')) as { training: object; resolved: object };
    expect(record.training).toMatchObject({ beta2: 0.999, steps: 12 });
    expect(record.resolved).toMatchObject({ device: 'cpu', model: { intermediateSize: 128 } });
    expect(listRuns(join(folder, '.objective-lab', 'runs'))).toMatchObject([
      { name: 'small', state: 'completed', step: 12, checkpoint: 12, objectives: ['mlm', 'contrastive'] },
    ]);
  });

  it('is a pure function of experiment and corpus, and another with another seed', async () => {
    const [first, second] = [await train({ experiment: workspace().experiment }), await train({ experiment: workspace().experiment })];
    expect(tensorsOf(first.run)).toBe(tensorsOf(second.run));
    const other = await train({ experiment: workspace({ seed: 2 }).experiment });
    expect(tensorsOf(other.run)).not.toBe(tensorsOf(first.run));
  });

  it('is the same to the last bit where several steps are one run of the session, also when it is stopped between and resumed', async () => {
    const numbersOf = (run: string): object[] =>
      readMetrics(run, -1, 1000).map(({ step, loss, learningRate, gradientNorm, eval: held }) => ({
        step,
        loss,
        learningRate,
        gradientNorm,
        held,
      }));
    const single = await train({ experiment: workspace().experiment });
    const several = await train({ experiment: workspace().experiment, scan: true });
    expect(tensorsOf(several.run)).toBe(tensorsOf(single.run));
    expect(numbersOf(several.run)).toEqual(numbersOf(single.run));

    const stop = new AbortController();
    const metrics = ({ step }: Metrics): void => {
      if (step === 2) stop.abort();
    };
    const stopped = await train({ experiment: workspace().experiment, scan: true, signal: stop.signal, events: { metrics } });
    // The steps of a run in hand are done before it stops.
    expect(stopped).toMatchObject({ reason: 'stopped', steps: 3 });
    const resumed = await resume({ run: stopped.run, scan: true });
    expect(tensorsOf(resumed.run)).toBe(tensorsOf(single.run));
    expect(numbersOf(resumed.run)).toEqual(numbersOf(single.run));
  });

  it('warns of what a person should know of how the device does the steps', async () => {
    const notices = vi.spyOn(Optimisation.prototype, 'notices', 'get').mockReturnValue(new Set(['A part is computed elsewhere.']));
    const warnings: string[] = [];
    const { run } = await train({ experiment: workspace().experiment, steps: 1, events: { warning: (message) => warnings.push(message) } });
    notices.mockRestore();
    expect(warnings).toEqual(['A part is computed elsewhere.']);
    expect(readFileSync(join(run, 'log.txt'), 'utf8')).toContain('warning: A part is computed elsewhere.');
  });

  it('learns: held-out loss falls far below the unigram entropy on a regular language', async () => {
    const { experiment } = workspace({
      training: { steps: 500, device: 'cpu', evaluateEvery: 500, checkpointEvery: 500, learningRate: 0.002 },
      model: { layers: 2, hiddenSize: 64, attentionHeads: 2, maxPositions: 64, dropout: 0, attentionDropout: 0 },
      objectives: [{ type: 'mlm', batchSize: 16, sequenceLength: 16 }],
    });
    const { eval: results } = await train({ experiment });
    expect(results.mlm).toBeLessThan(results.unigram! - 1);
  });

  it('stops after the step in hand, with a checkpoint', async () => {
    const controller = new AbortController();
    const { experiment, folder } = workspace();
    const result = await train({
      experiment,
      signal: controller.signal,
      events: { metrics: ({ step }) => step === 3 && controller.abort() },
    });
    expect(result).toMatchObject({ steps: 3, reason: 'stopped' });
    expect(listCheckpoints(result.run).map(({ step }) => step)).toEqual([3]);
    expect(listRuns(join(folder, '.objective-lab', 'runs'))).toMatchObject([{ state: 'stopped', step: 3 }]);
  });

  it('stops while the corpus is prepared too, and says that nothing was trained', async () => {
    const controller = new AbortController();
    const { experiment, folder } = workspace();
    const stopped = train({ experiment, signal: controller.signal, events: { status: () => controller.abort() } });
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled', message: 'The run was stopped before its first step.' });
    expect(listRuns(join(folder, '.objective-lab', 'runs'))).toEqual([]);
  });

  it('takes the number of steps and the folder from the caller', async () => {
    const { experiment, folder } = workspace();
    const result = await train({ experiment, steps: 2, runs: join(folder, 'elsewhere') });
    expect(result.steps).toBe(2);
    expect(result.run.startsWith(join(folder, 'elsewhere'))).toBe(true);
  });
});

describe('a run of several objectives', () => {
  const mlm = { type: 'mlm', batchSize: 8, sequenceLength: 32 };
  const contrastive = { type: 'contrastive', batchSize: 4, sequenceLength: 16 };
  const trained = async (
    experiment: object,
  ): Promise<{ lines: Metrics[]; warnings: string[]; result: Awaited<ReturnType<typeof train>> }> => {
    const [lines, warnings]: [Metrics[], string[]] = [[], []];
    const result = await train({
      experiment: workspace(experiment).experiment,
      events: { metrics: (line) => lines.push(line), warning: (message) => warnings.push(message) },
    });
    return { lines, warnings, result };
  };

  it('reports the loss and the gradient of each, and how long it waited for its batches', async () => {
    const { lines, warnings } = await trained({ objectives: [mlm, { ...contrastive, weight: 0.5 }] });
    const steps = lines.filter(({ loss }) => loss);
    expect(steps).toHaveLength(12);
    for (const { loss, gradientNorm, gradientNorms, dataWait } of steps) {
      expect(Object.keys(loss!)).toEqual(['mlm', 'contrastive', 'total']);
      expect(loss!.total).toBeCloseTo(loss!.mlm! + 0.5 * loss!.contrastive!, 4);
      expect(Object.keys(gradientNorms!)).toEqual(['mlm', 'contrastive']);
      const { mlm: a, contrastive: b } = gradientNorms!;
      expect(gradientNorm).toBeLessThanOrEqual((a! + b!) * (1 + 1e-5));
      expect(gradientNorm).toBeGreaterThanOrEqual(Math.abs(a! - b!) * (1 - 1e-5));
      expect(dataWait).toBeGreaterThanOrEqual(0);
      expect(dataWait).toBeLessThanOrEqual(1);
    }
    expect(warnings).toEqual([]);
  });

  it('says what each must beat, when it is done and in its folder', async () => {
    const { result } = await trained({ objectives: [mlm, contrastive] });
    expect(result.baselines).toEqual([
      { metric: 'mlm', value: result.eval.unigram, by: expect.any(String) as string, better: 'lower' },
      { metric: 'contrastive.retrieval', value: 1 / 7, by: 'chance', better: 'higher' },
    ]);
    for (const { metric } of result.baselines) expect(result.eval[metric]).toEqual(expect.any(Number));
    const { resolved } = JSON.parse(readFileSync(join(result.run, 'experiment.json'), 'utf8')) as { resolved: { baselines: unknown } };
    expect(resolved.baselines).toEqual(result.baselines);
    expect(listRuns(join(result.run, '..'))).toMatchObject([{ baselines: result.baselines }]);
  });

  it('trains them in turn: each step reports its own objective, and counts its tokens', async () => {
    const { lines } = await trained({
      objectives: [mlm, contrastive],
      combination: { kind: 'alternate', ratio: { mlm: 3, contrastive: 1 } },
    });
    const steps = lines.filter(({ loss }) => loss);
    const names = steps.map(({ loss }) => Object.keys(loss!)[0]);
    expect(names.filter((name) => name === 'contrastive')).toHaveLength(3);
    expect(steps.every(({ gradientNorms }) => gradientNorms === undefined)).toBe(true);
    const tokens = { mlm: 8 * 32, contrastive: 2 * 4 * 16 };
    steps.forEach((line, i) => expect(line.tokens - (steps[i - 1]?.tokens ?? 0)).toBe(tokens[names[i] as keyof typeof tokens]));
    for (const { loss } of steps) expect(loss!.total).toBe(Object.values(loss!)[0]);
  });

  it('trains them in phases', async () => {
    const phases = [
      { objectives: ['mlm'], share: 0.5 },
      { objectives: ['contrastive', 'mlm'], share: 0.5 },
    ];
    const { lines, result } = await trained({ objectives: [mlm, contrastive], combination: { kind: 'phases', phases } });
    const names = lines.flatMap(({ loss }) => (loss ? [Object.keys(loss).join('+')] : []));
    expect(names).toEqual([...Array<string>(6).fill('mlm+total'), ...Array<string>(6).fill('mlm+contrastive+total')]);
    // Held-out losses are those of all objectives, whichever is being trained.
    for (const { eval: measured } of lines.filter((line) => line.eval))
      expect(measured).toMatchObject({ mlm: expect.any(Number) as number, contrastive: expect.any(Number) as number });
    expect(result.loss).toEqual(lines.findLast(({ loss }) => loss)!.loss);
  });

  it.each<[string, object]>([
    ['summed', {}],
    ['in turn', { combination: { kind: 'alternate', ratio: { mlm: 1, contrastive: 2 } } }],
    [
      'with a gradient cache and a queue',
      { objectives: [mlm, { ...contrastive, gradientCache: 2, queue: 8, weight: { from: 1, to: 0.1 } }] },
    ],
  ])('is a pure function of the experiment, to the last digit of its metrics: %s', async (_, experiment) => {
    const measured = async (): Promise<unknown[]> =>
      (await trained(experiment)).lines.map(({ seconds: _seconds, tokensPerSecond: _speed, dataWait: _wait, ...line }) => line);
    expect(await measured()).toEqual(await measured());
  });

  it('warns once of an objective that is drowned by another', async () => {
    const { warnings, result } = await trained({
      objectives: [mlm, { ...contrastive, weight: 1e-4 }],
      training: { steps: 110, device: 'cpu', evaluateEvery: 1000, checkpointEvery: 1000 },
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^"mlm" drowns "contrastive"/);
    expect(readFileSync(join(result.run, 'log.txt'), 'utf8')).toContain(`warning: ${warnings[0]!}`);
  });

  it('saves what objectives carry from step to step', async () => {
    const { result } = await trained({ objectives: [{ ...contrastive, queue: 10 }] });
    const queues = listCheckpoints(result.run).map(({ folder }) =>
      readSafetensors(join(folder, 'optimizer.safetensors')).get('contrastive:queue')!,
    );
    expect(queues.map(({ shape }) => shape)).toEqual(queues.map(() => [10, 32]));
    const rows = queues.map(({ data }) => Array.from({ length: 10 }, (_, i) => (data as Float32Array).slice(32 * i, 32 * i + 32).join()));
    // Steps 10 and 12 are two batches of four apart.
    expect(rows.at(-1)!.slice(8)).toEqual(rows.at(-2)!.slice(0, 2));
    expect(new Set(rows.at(-1)).size).toBe(10);
    expect([...newestCheckpoint(result.run).parameters.keys()]).not.toContain('contrastive:queue');
  });
});

describe('what goes wrong', () => {
  it.each<[string, () => ReturnType<typeof makeWorkspace>, RegExp]>([
    [
      'a corpus too small for a sequence',
      () => workspace({ objectives: [{ type: 'mlm', sequenceLength: 512 }], model: { maxPositions: 512 } }, 2, 10),
      /too small|too little|tokens/i,
    ],
    ['no file that matches', () => workspace({ corpus: { include: ['nothing/*.txt'] } }), /nothing\/\*\.txt/],
    ['a missing corpus folder', () => workspace({ corpus: { root: 'gone' } }), /gone/],
    ['a device that does not load', () => workspace({ training: { device: 'cuda' } }), /"cuda" cannot be used/],
    ['a tokenizer that is missing', () => workspace({ tokenizer: { from: 'no-tokenizer.json' } }), /no-tokenizer\.json/],
    [
      'a file of pairs that is missing',
      () => workspace({ objectives: [{ type: 'contrastive', positives: { from: 'pairs', file: 'none.csv', a: 'a', b: 'b' } }] }),
      /none\.csv of "contrastive" does not exist/,
    ],
    ['a field that is wrong', () => workspace({ training: { steps: 'many' } }), /training\.steps/],
  ])('%s is a mistake that can be mended, named', async (_, make, message) => {
    const error = await train({ experiment: make().experiment }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(message);
  });

  it('closes the corpus when it does not do for the objectives', async () => {
    const { experiment } = workspace({ objectives: [{ type: 'mlm', sequenceLength: 4096 }], model: { maxPositions: 4096 } });
    const [opened, closed] = [vi.spyOn(Dataset, 'open'), vi.spyOn(Dataset.prototype, 'close')];
    await expect(train({ experiment })).rejects.toThrow('The corpus is too small');
    expect(opened).toHaveBeenCalledTimes(1);
    expect(closed).toHaveBeenCalledTimes(1);
    vi.restoreAllMocks();
  });

  /** Spoils what the device answers at the seventh step that it is asked for: no setting that the schema lets through gives NaN for certain. */
  function spoilSeventhStep(): { mockRestore: () => void } {
    const create = Session.create.bind(Session);
    let steps = 0;
    return vi.spyOn(Session, 'create').mockImplementation(async (...given) => {
      const session = await create(...given);
      const run = session.run.bind(session);
      session.run = async (feeds, into) => {
        const outputs = await run(feeds, into);
        if (outputs.has('loss:mlm') && ++steps === 7) outputs.set('loss:mlm', tensor('float32', [], [NaN]));
        return outputs;
      };
      return session;
    });
  }

  it('a loss that is no longer a number stops the run, names step and objective, and keeps the checkpoints', async () => {
    const { experiment, folder } = workspace();
    const spoilt = spoilSeventhStep();
    const lines: Metrics[] = [];
    await expect(train({ experiment })).rejects.toMatchObject({
      code: 'diverged',
      message: 'The loss of "mlm" is no longer a number at step 7.',
    });
    spoilt.mockRestore();
    const [run] = listRuns(join(folder, '.objective-lab', 'runs'));
    expect(run).toMatchObject({ state: 'failed', checkpoint: 5, message: expect.stringContaining('step 7') as string });
    // Resumed as it was it would diverge again.
    const straight = await train({ experiment: workspace().experiment });
    await resume({ run: run!.folder, events: { metrics: (line) => lines.push(line) } });
    const rates = (all: readonly Metrics[], factor: number): number[] =>
      all.flatMap(({ learningRate }) => (learningRate === undefined ? [] : [Number((factor * learningRate).toPrecision(9))]));
    expect(rates(lines, 2)).toEqual(rates(readMetrics(straight.run, 5, 100), 1));
  });

  it('goes back to the last checkpoint and on with half the rate, if the experiment says so', async () => {
    const training = { steps: 12, device: 'cpu', evaluateEvery: 6, checkpointEvery: 5, learningRate: 0.003, stepBacks: 1 };
    const { experiment } = workspace({ training });
    const spoilt = spoilSeventhStep();
    const warnings: string[] = [];
    const result = await train({ experiment, events: { warning: (message) => warnings.push(message) } });
    spoilt.mockRestore();
    expect(result.reason).toBe('completed');
    expect(warnings).toEqual([
      expect.stringMatching(/no longer a number at step 7\. Back to step 5, and on with a learning rate of 0\.0015\./),
    ]);
    const lines = readMetrics(result.run, -1, 100).filter(({ loss }) => loss);
    expect(lines.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(lines[5]!.learningRate! / lines[4]!.learningRate!).toBeLessThan(0.6);
    expect(JSON.parse(readFileSync(join(listCheckpoints(result.run).at(-1)!.folder, 'state.json'), 'utf8'))).toMatchObject({
      stepsBack: 1,
    });
  });

  it('a loss that grows to many times what it began with stops the run, with a checkpoint from before it grew', async () => {
    const training = { steps: 60, device: 'cpu', warmup: 0, learningRate: 1, gradientClip: 1e9, checkpointEvery: 1, evaluateEvery: 60 };
    const { experiment, folder } = workspace({ training, objectives: [{ type: 'mlm', batchSize: 8, sequenceLength: 32 }] });
    await expect(train({ experiment })).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringContaining('"mlm" diverges') as string,
    });
    const [run] = listRuns(join(folder, '.objective-lab', 'runs'));
    const losses = readMetrics(run!.folder, -1, 100).flatMap(({ loss }) => loss?.mlm ?? []);
    const grown = losses.findIndex((loss) => loss > 3 * losses[0]! + 1);
    for (const { step } of listCheckpoints(run!.folder)) expect(step).toBeLessThanOrEqual(grown);
  });

  it('keeps the checkpoint that was best on held-out text', async () => {
    const training = { steps: 12, device: 'cpu', evaluateEvery: 12, checkpointEvery: 3, keepCheckpoints: 1, learningRate: 0.5, warmup: 0 };
    const { experiment } = workspace({ training: { ...training, keepBest: 'mlm' } });
    const { run } = await train({ experiment });
    const measured = readMetrics(run, -1, 100).filter((line) => line.eval && line.step > 0);
    expect(measured.map(({ step }) => step)).toEqual([3, 6, 9, 12]);
    const best = measured.reduce((a, b) => (b.eval!.mlm! < a.eval!.mlm! ? b : a));
    expect(listCheckpoints(run).map(({ step }) => step)).toEqual([...new Set([best.step, 12])]);
    const wrong = workspace({ training: { ...training, keepBest: 'mlm.accuracy' } });
    await expect(train({ experiment: wrong.experiment })).rejects.toThrow('training.keepBest is "mlm.accuracy", which is not measured.');
  });

  it('a damaged checkpoint is named and the one before it used', async () => {
    const { experiment } = workspace();
    const { run } = await train({ experiment });
    const newest = listCheckpoints(run).at(-1)!;
    truncateSync(join(newest.folder, 'model.safetensors'), 1000);
    const problems: string[] = [];
    expect(newestCheckpoint(run, (message) => problems.push(message)).step).toBe(10);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(newest.folder);
    expect(openModel(run).step).toBe(10);
  });

  it('a changed byte in a checkpoint is noticed', async () => {
    const { experiment } = workspace();
    const { run } = await train({ experiment });
    const path = join(listCheckpoints(run).at(-1)!.folder, 'model.safetensors');
    const bytes = readFileSync(path);
    bytes[bytes.length - 5]! ^= 1;
    writeFileSync(path, bytes);
    expect(newestCheckpoint(run).step).toBe(10);
  });

  it('a run folder with files missing is passed over in lists, and named when opened', async () => {
    const { experiment, folder } = workspace();
    const { run } = await train({ experiment, steps: 1 });
    writeFileSync(join(run, 'status.json'), '{');
    expect(listRuns(join(folder, '.objective-lab', 'runs'))).toEqual([]);
    expect(existsSync(run)).toBe(true);
    expect(() => new Reader(join(folder, 'nowhere'))).toThrow(/There is no model at/);
  });

  it('a file where the folder for runs should be is named', async () => {
    const { experiment, folder } = workspace();
    writeFileSync(join(folder, '.objective-lab'), '');
    await expect(train({ experiment })).rejects.toThrow(/\.objective-lab.* a file stands where a folder should be/);
  });

  it('a disk that fills up stops the run with its last checkpoint intact', async () => {
    const { experiment, folder } = workspace();
    let steps = 0;
    const full = vi.spyOn(Run.prototype, 'metrics').mockImplementation(() => {
      if (++steps === 9) throw diskError(join(folder, 'metrics.jsonl'), Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    });
    await expect(train({ experiment })).rejects.toThrow(/The disk is full/);
    full.mockRestore();
    expect(listRuns(join(folder, '.objective-lab', 'runs'))).toMatchObject([{ state: 'paused', checkpoint: 5 }]);
  });
});
