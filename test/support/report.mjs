import { existsSync, readFileSync } from 'node:fs';
import * as z from 'zod';

const TestResult = z.object({ title: z.string(), milliseconds: z.number(), error: z.string().optional() });
/** @typedef {z.infer<typeof TestResult>} TestResult */

/**
 * The results that the suite has written, one line each; none when it never came so far.
 *
 * @param {string} file
 */
export function readResults(file) {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  return lines.map((line) => TestResult.parse(JSON.parse(line)));
}

/** @param {TestResult} result */
export function printResult({ title, milliseconds, error }) {
  console.log(`${error === undefined ? '✓' : '✗'} ${title} (${(milliseconds / 1000).toFixed(1)} s)`);
  if (error !== undefined) console.log(error.replace(/^/gm, '    '));
}

/**
 * Prints the last line.
 *
 * @param {readonly TestResult[]} results
 * @returns {number} the exit code: 0 if every test passed and there was one
 */
export function finish(results) {
  const failed = results.filter(({ error }) => error !== undefined).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  return failed > 0 || results.length === 0 ? 1 : 0;
}
