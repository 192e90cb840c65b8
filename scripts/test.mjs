// npm test: everything that must hold before a change is finished. Prints `N passed, M failed` at the end.
//   npm test                      all suites
//   npm test -- --only unit,lint  some of them; what was left out is printed
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './lib/paths.mjs';
import { Explained, main, run } from './lib/run.mjs';
import { build, install } from './lib/setup.mjs';
import { packageExtension } from './lib/vsix.mjs';
import { swiftShader } from '../test/support/swiftshader.mjs';

/**
 * @typedef {{ passed: number, failed: number }} Outcome
 * @typedef {{ name: string, what: string, run: () => Promise<Outcome> }} Suite
 */

/** @type {Suite[]} */
const suites = [
  { name: 'lint', what: 'ESLint and Prettier', run: lint },
  { name: 'types', what: 'the TypeScript compiler', run: () => check('typescript/bin/tsc', ['-p', '.']) },
  { name: 'unit', what: 'unit tests', run: () => vitest([]) },
  { name: 'slurm', what: 'comparisons on a real Slurm cluster', run: () => vitest(['--config', 'test/slurm/vitest.config.mts']) },
  { name: 'webgpu', what: 'training on WebGPU, by a GPU in software', run: webgpu },
  { name: 'vscode', what: 'the suite in a real extension host', run: () => counted('test/vscode/run.mjs') },
  { name: 'e2e', what: 'the packaged extension, driven by a browser', run: e2e },
];

await main(async () => {
  const chosen = choose();
  await install();
  await build();
  /** @type {[Suite, Outcome][]} */
  const outcomes = [];
  for (const suite of chosen) {
    console.log(`\n── ${suite.name}: ${suite.what}`);
    outcomes.push([suite, await suite.run()]);
  }
  console.log();
  for (const [{ name }, { passed, failed }] of outcomes) console.log(`${name.padEnd(8)}${passed} passed, ${failed} failed`);
  const left = suites.filter((suite) => !chosen.includes(suite)).map(({ name }) => name);
  if (left.length > 0) console.log(`Left out, as asked: ${left.join(', ')}`);
  const sum = (/** @type {keyof Outcome} */ key) => outcomes.reduce((total, [, outcome]) => total + outcome[key], 0);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  return sum('failed') > 0 ? 1 : 0;
});

/** The suites that `--only` names, or all. */
function choose() {
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  if (values.only === undefined) return suites;
  const names = values.only.split(',');
  const unknown = names.find((name) => !suites.some((suite) => suite.name === name));
  if (unknown !== undefined) throw new Explained(`There is no suite "${unknown}"; there are ${suites.map(({ name }) => name).join(', ')}.`);
  return suites.filter(({ name }) => names.includes(name));
}

async function lint() {
  const eslint = await check('eslint/bin/eslint.js', ['--max-warnings', '0', '.']);
  const prettier = await check('prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']);
  return { passed: eslint.passed + prettier.passed, failed: eslint.failed + prettier.failed };
}

/**
 * Vitest counts a test that was skipped as neither passed nor failed; here nothing may be skipped in silence.
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env] added to ours
 * @returns {Promise<Outcome>}
 */
async function vitest(args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'unit-'));
  const file = join(folder, 'results.json');
  try {
    await bin('vitest/vitest.mjs', ['run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`], env);
    const { numTotalTests, numPassedTests, success } = /** @type {{ numTotalTests: number, numPassedTests: number, success: boolean }} */ (
      JSON.parse(readFileSync(file, 'utf8'))
    );
    const failed = numTotalTests - numPassedTests;
    // A file that does not load has no tests to fail.
    return { passed: numPassedTests, failed: success || failed > 0 ? failed : 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function webgpu() {
  return vitest(['--config', 'test/webgpu/vitest.config.mts'], swiftShader());
}

async function e2e() {
  await packageExtension();
  return counted('test/e2e/run.mjs');
}

/**
 * A tool whose exit code is all there is to count.
 * @param {string} path
 * @param {string[]} args
 * @returns {Promise<Outcome>}
 */
async function check(path, args) {
  return (await bin(path, args)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/**
 * A suite of ours: its last line says `N passed, M failed`. One that ends without it has failed.
 * @param {string} path
 * @returns {Promise<Outcome>}
 */
async function counted(path) {
  let output = '';
  const code = await run(process.execPath, [path], { onOutput: (text) => (output += text) });
  const [, passed, failed] = /^(\d+) passed, (\d+) failed\s*$/m.exec(output) ?? [];
  if (passed === undefined) return { passed: 0, failed: 1 };
  return { passed: Number(passed), failed: code !== 0 && failed === '0' ? 1 : Number(failed) };
}

/**
 * @param {string} path of a program below node_modules
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env] added to ours
 */
function bin(path, args, env) {
  return run(process.execPath, [join(root, 'node_modules', path), ...args], { env });
}
