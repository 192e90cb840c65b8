import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CellOutputs } from '../../../src/notebook/ipynb';
import { KernelProcess } from '../../../src/notebook/kernel-process';
import { execute } from '../../../src/notebook/run';
import type { CellError } from '../../../src/shared/kernel-protocol';
import { bundle } from '../support/bundle';
import { makeWorkspace } from '../support/workspace';

let entry: string;
const workspace = makeWorkspace();
let folder: string;
let kernel: KernelProcess;
let count = 0;
const logged: string[] = [];

const start = (): KernelProcess =>
  new KernelProcess({
    entry,
    execPath: process.execPath,
    folder,
    runs: join(folder, 'runs'),
    name: 'test',
    log: (_, message) => logged.push(message),
  });

/** Runs a cell; gives what it wrote and showed as text, and its error. */
async function run(code: string, on: KernelProcess = kernel): Promise<{ text: string; error: CellError | undefined; count: number }> {
  const outputs = new CellOutputs();
  const number = ++count;
  const error = await execute(on, number, code, (output) => outputs.add(output));
  const text = outputs.list.map((each) => {
    const { text: written, data } = each as { text?: string[]; data?: Record<string, string[]> };
    return (written ?? data?.['text/plain'] ?? []).join('');
  });
  return { text: text.join('|'), error, count: number };
}

/** Interrupts the kernel once it is at work on a cell. */
async function interrupted(code: string): Promise<{ error: CellError | undefined; milliseconds: number }> {
  const started = performance.now();
  const running = run(`console.log('on');\n${code}`);
  await new Promise((resolve) => setTimeout(resolve, 150));
  await kernel.interrupt();
  return { error: (await running).error, milliseconds: performance.now() - started };
}

beforeAll(async () => {
  entry = await bundle('kernel');
  folder = mkdtempSync(join(tmpdir(), 'objective-lab-kernel-'));
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub', 'own.mjs'), 'export const answer = 42;\nexport default () => { throw new Error("inside"); };\n');
  kernel = start();
});
afterAll(async () => {
  kernel.dispose();
  await kernel.ended;
  rmSync(folder, { recursive: true, force: true });
  rmSync(entry);
  workspace.remove();
});
beforeEach(() => {
  logged.length = 0;
});

describe('cells', () => {
  it('share their variables, functions and classes, and see those that were written anew', async () => {
    await run(
      'const a: number = 1; let b = 2;\nfunction sum(): number { return a + b; }\nclass Box { constructor(readonly x: number) {} }',
    );
    expect(await run('b = 5; new Box(sum()).x')).toMatchObject({ text: '6' });
    await run('const a = 10;');
    expect(await run('sum()')).toMatchObject({ text: '15' });
  });

  it("await at their top, and import from the notebook's folder", async () => {
    const { text } = await run(
      "import { answer } from './sub/own.mjs';\nimport { basename } from 'node:path';\nawait Promise.resolve(basename('x/y') + answer)",
    );
    expect(text).toBe("'y42'");
    expect(await run('answer')).toMatchObject({ text: '42' });
  });

  it('see a variable that was declared in a block, and a module of JSON', async () => {
    writeFileSync(join(folder, 'data.json'), '{ "k": 3 }');
    await run(
      "import data from './data.json' with { type: 'json' };\ntry { var inBlock = data.k; } finally { for (var turns = 0; turns < 4; turns++); }",
    );
    expect(await run('[inBlock, turns]')).toMatchObject({ text: '[ 3, 4 ]' });
  });

  it('live among the objects of the process: what the runtime makes is of the same classes', async () => {
    expect(await run('[new Float32Array(1) instanceof Float32Array, require("node:os").EOL.length > 0]')).toMatchObject({
      text: '[ true, true ]',
    });
  });

  it('write to both streams in order, and end with their last value', async () => {
    expect(await run("console.log('a'); console.error('b'); process.stdout.write('c'); 7")).toMatchObject({ text: 'a\n|b\n|c|7' });
    expect(await run('for (const byte of Buffer.from("€")) process.stdout.write(Buffer.of(byte)); undefined')).toMatchObject({ text: '€' });
    expect(await run('undefined')).toMatchObject({ text: '' });
  });
});

describe('errors', () => {
  it('point at cell, line and column of what was written, through functions of other cells and promises', async () => {
    const defined = await run('type T = 1;\n\nfunction fail(x: number): never {\n  throw new RangeError(`no ${x}`);\n}');
    const { error, count: at } = await run('interface I {}\nawait null;\nfail(3);');
    expect(error?.stack.split('\n')).toEqual([
      'RangeError: no 3',
      `    at fail (cell [${defined.count}], line 4, column 9)`,
      `    at cell [${at}], line 3, column 1`,
    ]);
  });

  it('that a cell catches and writes, or ends with, point there as well', async () => {
    const defined = await run('interface Long {\n  a: string;\n}\nfunction mapped(): never { throw new Error("caught"); }');
    const { text, count: at } = await run('type T = 1;\ntry { mapped(); } catch (error) { console.error(error); }\nnew Error("shown")');
    expect(text).toBe(
      `Error: caught\n    at mapped (cell [${defined.count}], line 4, column 34)\n    at cell [${at}], line 2, column 7\n|` +
        `Error: shown\n    at cell [${at}], line 3, column 1`,
    );
  });

  it('of the runtime about what is no JavaScript have a place as well', async () => {
    const { error, count: at } = await run('interface I {\n  a: 1;\n}\nfunction f() { await null; }');
    expect(error).toMatchObject({ name: 'SyntaxError', stack: expect.stringContaining(`cell [${at}], line 4, column 16`) as string });
    writeFileSync(join(folder, 'bad.cjs'), 'const a = 1;\nconst b = ;\n');
    expect((await run("require('./bad.cjs')")).error?.stack).toMatch(/^SyntaxError: .*\n {4}at .*bad\.cjs:2\n {4}at cell/);
  });

  it.each([
    ['throw Object.create(null)', /null prototype.* was thrown, which is no error/],
    ["throw { code: 5, why: 'x' }", /code: 5, why: 'x' .* was thrown/],
    ['throw new Proxy({}, { getPrototypeOf() { throw 1; } })', /cannot be looked at/],
    ["const own: any = new Error('own cause'); own.cause = own; throw own", /^Error: own cause\n {4}at cell[^\n]*$/],
    [
      "await Promise.any([Promise.reject(new Error('one')), Promise.reject(new TypeError('two'))])",
      /^AggregateError: .*\nOne of them is Error: one\n.*\nOne of them is TypeError: two\n/,
    ],
  ])('of any kind are told, and the kernel goes on: %s', async (code, stack) => {
    expect((await run(code)).error?.stack).toMatch(stack);
    expect(await run('1')).toMatchObject({ text: '1' });
  });

  it("keep the frames of the person's own files, and their causes", async () => {
    const { error } = await run(
      "import inside from './sub/own.mjs';\ntry { inside(); } catch (cause) { throw new Error('outside', { cause }); }",
    );
    expect(error?.stack).toMatch(
      /^Error: outside\n {4}at cell \[\d+\], line 2, column \d+\nCaused by Error: inside\n {4}at .*own\.mjs:2:30\)\n {4}at cell/,
    );
  });

  it('say what was thrown that is no error, and what is no TypeScript', async () => {
    expect((await run("throw 'text'")).error).toMatchObject({ message: 'text was thrown, which is no error.' });
    const { error, count: at } = await run('let x = 1;\nlet y = ;');
    expect(error).toMatchObject({ name: 'SyntaxError', stack: `SyntaxError: Expression expected.\n    at cell [${at}], line 2, column 9` });
  });

  it('of a mistake name the way out', async () => {
    expect((await run("lab.run('nothing')")).error?.message).toMatch(/There is no run "nothing".*lab\.train/);
  });

  it('that nobody waits for are told in the cell in hand, and the kernel goes on', async () => {
    const { text, error } = await run(
      "void Promise.reject(new Error('lost'));\nsetTimeout(() => { throw new Error('late'); }, 5);\nawait new Promise((r) => setTimeout(r, 40));",
    );
    expect(error).toBeUndefined();
    expect(text).toMatch(/A promise was rejected, and nothing waits for it\.\nError: lost\n {4}at cell/);
    expect(text).toMatch(/An error was thrown where no cell waits for it\.\nError: late/);
    expect(await run('1')).toMatchObject({ text: '1' });
  });

  it('that are thrown between cells are told in the log, with their place', async () => {
    const { count: at } = await run("type T = 1;\nsetTimeout(() => { throw new Error('between'); }, 10); undefined");
    await vi.waitFor(() => expect(logged.join()).toMatch(new RegExp(`Error: between\\n.*cell \\[${at}\\], line 2, column 26`)));
  });
});

describe('an interruption', () => {
  it.each([
    ['a loop that never ends', 'while (true);'],
    ['such a loop after an await', 'await null; while (true);'],
    ['such a loop in a callback', 'await new Promise(() => { setTimeout(() => { while (true); }, 10); });'],
    ['a promise that never settles', 'await new Promise(() => undefined);'],
  ])('ends %s, and variables stay', async (_, code) => {
    await run('var kept = 8;');
    const { error, milliseconds } = await interrupted(code);
    expect(error).toMatchObject({ name: 'Interrupted' });
    expect(milliseconds).toBeLessThan(2_500);
    expect(await run('kept')).toMatchObject({ text: '8' });
  });

  it('ends a loop of awaits for good, in a function of another cell too', async () => {
    await run('var rounds = 0; async function turn() { for (;;) { await new Promise((r) => setTimeout(r, 1)); rounds++; } }');
    expect((await interrupted('await turn();')).error).toMatchObject({ name: 'Interrupted' });
    const { text } = await run('const before = rounds; await new Promise((r) => setTimeout(r, 50)); rounds - before');
    expect(Number(text)).toBe(0);
  });

  it('between cells does nothing', async () => {
    await kernel.interrupt();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await run('let s = 0; for (let i = 0; i < 1e6; i++) s += i; s')).toMatchObject({ text: '499999500000' });
  });
});

describe('what would harm an editor', () => {
  it('is cut off: ten megabytes of text, in a loop that never lets go', async () => {
    const { text, error } = await run("for (let i = 0; i < 100_000; i++) console.log('x'.repeat(99));");
    expect(error).toBeUndefined();
    expect(text.length).toBeLessThan(1_001_000);
    expect(text).toContain('9,000,000 more characters were written than the 1,000,000 that are shown');
  });

  it('is cut off: thirty megabytes of displays, or thousands of them', async () => {
    const large = await run("for (let i = 0; i < 3_000; i++) lab.show('x'.repeat(9_990));");
    expect(large.text.length).toBeLessThan(8_100_000);
    expect(large.text).toMatch(/2,\d+ more results were to be shown/);
    expect((await run('for (let i = 0; i < 3_000; i++) lab.show(i);')).text).toMatch(/\|499\|\n… 2,500 more results/);
  });

  it('is thinned out: a display that is replaced all the time, up to its last state', async () => {
    const shown: unknown[] = [];
    await execute(kernel, ++count, "for (let i = 0; i < 20_000; i++) lab.show(i, 'same');", (output) => shown.push(output));
    expect(shown.length).toBeLessThan(50);
    expect(shown.at(-1)).toMatchObject({ data: { 'text/plain': '19999' } });
  });

  it('does not grow: a cell of a million awaits', async () => {
    const { text } = await run(
      'const before = process.memoryUsage().heapUsed; for (let i = 0; i < 1_000_000; i++) await null; (process.memoryUsage().heapUsed - before) / 1e6',
    );
    expect(Number(text)).toBeLessThan(100);
  });

  it('is not shown: a result of ten megabytes', async () => {
    expect((await run('lab.html`${"x".repeat(10_000_000)}`')).text).toMatch(/too large to show/);
  });

  it.each([
    ['process.exit(3)', 'its process exited with code 3'],
    ["process.kill(process.pid, 'SIGKILL')", 'it was killed by SIGKILL'],
  ])('ends the process alone: %s', async (code, how) => {
    const other = start();
    const { text, error } = await run(`console.log('before'); ${code}; await new Promise(() => undefined);`, other);
    expect(error).toMatchObject({ name: 'KernelEnded', message: expect.stringContaining(how) as string });
    expect(text).toContain('before');
    expect(await run('1')).toMatchObject({ text: '1' });
  });
});

describe('a kernel whose starter is gone', () => {
  it('ends, even when a cell keeps it busy for ever', async () => {
    const script = `
      const { fork } = require('node:child_process');
      const child = fork(${JSON.stringify('ENTRY')}, [${JSON.stringify('FOLDER')}], { serialization: 'advanced', stdio: ['pipe', 'pipe', 'pipe', 'ipc'] });
      child.send({ kind: 'request', id: 1, method: 'execute', params: { count: 1, code: "console.log('on'); while (true);" } });
      child.on('message', () => { console.log(child.pid); process.exit(); });`;
    const { stdout } = spawnSync(
      process.execPath,
      ['-e', script.replace('"ENTRY"', JSON.stringify(entry)).replace('"FOLDER"', JSON.stringify(folder))],
      {
        encoding: 'utf8',
      },
    );
    const pid = Number(stdout);
    expect(pid).toBeGreaterThan(1);
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), { timeout: 10_000, interval: 100 });
  });
});

describe('training in a cell', () => {
  const EXPERIMENT = `{ corpus: { root: 'text' }, tokenizer: { vocabularySize: 200 }, model: { layers: 1, hiddenSize: 16, attentionHeads: 2 },
    training: { steps: STEPS, device: 'cpu', threads: 1, evaluateEvery: 1_000_000 }, objectives: [OBJECTIVE] }`;
  const train = (objective: string, steps: number): string =>
    `await lab.train(${EXPERIMENT.replace('STEPS', String(steps)).replace('OBJECTIVE', objective)})`;
  beforeAll(() => cpSync(workspace.folder, folder, { recursive: true }));

  it('stops with a checkpoint when it is interrupted, and another goes on after it', async () => {
    const started = run(train("{ type: 'mlm', batchSize: 4, sequenceLength: 16 }", 1_000_000));
    await vi.waitFor(() => expect(existsSync(join(folder, 'runs')) && readdirSync(join(folder, 'runs'))).toHaveLength(1), 20_000);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await kernel.interrupt();
    expect((await started).error).toMatchObject({ name: 'Interrupted' });
    const next = await run(
      `${train("{ type: 'mlm', batchSize: 4, sequenceLength: 16 }", 3)}; lab.runs().map(({ state, checkpoint }) => [state, checkpoint > 0])`,
    );
    expect(next.error).toBeUndefined();
    expect(next.text).toContain("[ [ 'completed', true ], [ 'stopped', true ] ]");
  });

  it('takes an objective that another cell wrote, with its options, and the new one when that cell is run again', async () => {
    const objective = (loss: string): string => `lab.objective({
      type: 'own', options: { scale: 2 },
      create: ({ batchSize, scale }, { config }) => ({
        parameters: lab.parts.linearParameters('own', config.hiddenSize, 1),
        feeds: { ids: { dtype: 'int64', shape: [batchSize, 4] } },
        batch: () => ({ ids: lab.onnx.tensor('int64', [batchSize, 4], new Array(4 * batchSize).fill(5)) }),
        loss: ({ parameters, batch, dropout }) => {
          const states = lab.parts.encode(config, parameters, { inputIds: batch('ids') }, dropout, { site: 'own/' });
          const { ops } = lab.onnx;
          return { loss: ${loss} };
        },
        baseline: { value: 1, by: 'nothing' },
      }),
    })`;
    const lossOf = async (options: string): Promise<number> =>
      Number((await run(`(${train(`{ type: 'own', batchSize: 2, sequenceLength: 8${options} }`, 1)}).loss.own`)).text.split('|').at(-1));
    await run(objective("ops.add(ops.mul(ops.reduceMean(ops.mul(lab.parts.linear(states, parameters, 'own'), 0)), 1), scale)"));
    expect(await lossOf('')).toBe(2);
    expect(await lossOf(', scale: 5')).toBe(5);
    await run(objective("ops.add(ops.reduceMean(ops.mul(lab.parts.linear(states, parameters, 'own'), 0)), 7)"));
    expect(await lossOf('')).toBe(7);
    expect((await run(objective('states').replace("'own'", "'mlm'"))).error?.message).toMatch(/There is an objective "mlm" already/);
  });
});

describe('a mistake in a new objective', () => {
  beforeAll(async () => {
    cpSync(workspace.folder, folder, { recursive: true });
    await run(`const made = (change) => ({ type: 'wrong', options: { scale: 1 }, create: ({ batchSize }, { config }) => ({
      feeds: { ids: { dtype: 'int64', shape: [batchSize, 4] } },
      batch: () => ({ ids: lab.onnx.tensor('int64', [batchSize, 4], new Array(4 * batchSize).fill(5)) }),
      loss: ({ parameters, batch, dropout }) => ({ loss: lab.onnx.ops.reduceMean(lab.parts.encode(config, parameters, { inputIds: batch('ids') }, dropout, { site: 'wrong/' })) }),
      baseline: { value: 1, by: 'nothing' }, ...change }) });
    const attempt = (change, options = {}) => { lab.objective(made(change)); return lab.train({ corpus: { root: 'text' }, tokenizer: { vocabularySize: 200 },
      model: { layers: 1, hiddenSize: 16, attentionHeads: 2 }, training: { steps: 1, device: 'cpu', threads: 1 },
      objectives: [{ type: 'wrong', batchSize: 2, sequenceLength: 8, ...options }] }, { live: false }); };`);
  });

  it.each([
    ['{ batch: undefined }', '`batch`: it must be a function'],
    ["{ feeds: { ids: { dtype: 'int33', shape: [2, 4] } } }", '`feeds.ids.dtype` must be'],
    ['{ baseline: { value: NaN, by: "x" } }', '`baseline.value` must be a number'],
    ['{ batch: () => ({}) }', 'The batch of "wrong": "ids" must be a tensor int64[2, 4], and is missing.'],
    [
      "{ batch: () => ({ ids: lab.onnx.tensor('int64', [2, 3], new Array(6).fill(5)) }) }",
      '"ids" must be a tensor int64[2, 4], and is int64[2, 3].',
    ],
    ['{ loss: () => ({ loss: 5 }) }', 'The loss of "wrong" is no value of a graph.'],
    ["{ loss: ({ batch }) => ({ loss: batch('ids') }) }", 'must be a scalar of floating point, and is int64[2, 4].'],
    ['{}, { scale: "three" }', '`objectives[0].scale` must be a number'],
    ['{}, { scle: 3 }', 'Did you mean `scale`?'],
  ])('is told as it is: %s', async (change, message) => {
    const { error } = await run(`await attempt(${change})`);
    expect(error?.message).toContain(message);
    expect(error?.stack).toMatch(/at (async )?cell \[/);
  });

  it('leaves the next attempt alone', async () => {
    expect((await run('(await attempt({})).step')).text).toMatch(/\|1$/);
  });
});

describe('the compiler in a cell', () => {
  it('builds, differentiates and runs a graph', async () => {
    const { text } = await run(
      "const { input, ops, grad, run: go } = lab.onnx; const x = input('x', 'float32', [3]);\n" +
        'const y = ops.reduceSum(ops.mul(x, x)); const [dx] = grad(y, [x]);\n' +
        'const found = await go({ y, dx }, { x: [1, 2, 3] }); [...found.y.data, ...found.dx.data]',
    );
    expect(text).toBe('[ 14, 2, 4, 6 ]');
    expect((await run('await go({ y }, { x: [1] })')).error?.message).toMatch(/"x" has the shape \[3\] and was fed 1 number/);
    expect((await run("await go({ y }, { x: lab.onnx.tensor('int64', [3], [1, 2, 3]) })")).error?.message).toMatch(
      /"x" is float32\[3\] and was fed int64\[3\]/,
    );
    expect((await run('await go({ y }, { x: [1, 2, 3], z: 1 })')).error?.message).toMatch(/no input "z"\. Feed x/);
    expect((await run("await go({ y }, { x: ['a', 1, 2] })")).error?.message).toMatch(/"x" was fed what is no number/);
    expect((await run('await go({ y: 5 })')).error?.message).toMatch(/"y" is no value of a graph/);
  });
});
