import { appendFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import Mocha from 'mocha';

/**
 * What VS Code calls in the extension host. Runs the test files bundled beside this one, and writes each result as a line of JSON to the file that
 * the environment variable `TEST_RESULTS` names.
 */
export async function run(): Promise<void> {
  const results = process.env.TEST_RESULTS;
  if (results === undefined) throw new Error('TEST_RESULTS does not say where the results belong.');
  const mocha = new Mocha({
    ui: 'bdd',
    timeout: 60_000,
    reporter: 'base',
    ...(process.env.TEST_GREP && { grep: process.env.TEST_GREP }),
  });
  for (const file of readdirSync(__dirname)) if (file.endsWith('.test.js')) mocha.addFile(path.join(__dirname, file));
  const failures = await new Promise<number>((resolve) => {
    const write = (test: Mocha.Runnable, error?: Error): void => {
      const result = { title: test.fullTitle(), milliseconds: test.duration ?? 0, error: error?.stack };
      appendFileSync(results, `${JSON.stringify(result)}\n`);
    };
    mocha
      .run(resolve)
      .on('pass', (test) => write(test))
      .on('fail', write)
      .on('pending', (test) => write(test, new Error('This test was skipped.')));
  });
  if (failures > 0) throw new Error(`${failures} tests failed.`);
}
