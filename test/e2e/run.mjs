// Drives the packaged extension in a real workbench with a browser, as a person would.
//   node test/e2e/run.mjs [--grep PATTERN]        after `npm run package`; pictures of failures are kept in test/e2e/output
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { parseArgs } from 'node:util';
import Mocha from 'mocha';
import { main } from '../../scripts/lib/run.mjs';
import { finish, printResult } from '../support/report.mjs';

const { values } = parseArgs({ options: { grep: { type: 'string' } } });

await main(async () => {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, reporter: 'base', ...(values.grep !== undefined && { grep: values.grep }) });
  for (const file of readdirSync(here)) if (file.endsWith('.test.mjs')) mocha.addFile(path.join(here, file));
  await mocha.loadFilesAsync();

  /** @type {import('../support/report.mjs').TestResult[]} */
  const results = [];
  /**
   * @param {Mocha.Runnable} test
   * @param {string} [error]
   */
  const add = (test, error) => {
    const result = { title: test.fullTitle(), milliseconds: test.duration ?? 0, ...(error !== undefined && { error }) };
    results.push(result);
    printResult(result);
  };
  await new Promise((resolve) => {
    mocha
      .run(resolve)
      .on('pass', (test) => add(test))
      .on('fail', (test, /** @type {Error} */ error) => add(test, error.stack ?? error.message))
      .on('pending', (test) => add(test, 'Not run, because an earlier step failed.'));
  });
  return finish(results);
});
