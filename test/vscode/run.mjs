// Runs the suite of test/vscode/suite in a real extension host, in a workbench without a screen.
//   node test/vscode/run.mjs [--grep PATTERN] [--verbose]        after `npm run build`
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installWorkbench } from '../../scripts/install-workbench.mjs';
import { main } from '../../scripts/lib/run.mjs';
import { finish, printResult, readResults } from '../support/report.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { launchBrowser, workbenchUrl } from '../support/workbench.mjs';
import { builtExtension, makeWorkspace } from './workspace.mjs';

const LONGEST = 240_000;
const { values } = parseArgs({ options: { grep: { type: 'string', default: '' }, verbose: { type: 'boolean', default: false } } });

await main(async () => {
  const built = builtExtension();
  installWorkbench();
  const output = mkdtempSync(path.join(tmpdir(), 'objective-lab-results-'));
  const resultFile = path.join(output, 'results.jsonl');
  const workspace = makeWorkspace();
  try {
    const env = { TEST_RESULTS: resultFile, TEST_GREP: values.grep };
    const problems = await runInExtensionHost(workspace.folder, { ...built, env });
    const results = [...readResults(resultFile), ...problems.map((error) => ({ title: 'The extension host', milliseconds: 0, error }))];
    for (const result of results) printResult(result);
    return finish(results);
  } finally {
    workspace.remove();
    rmSync(output, { recursive: true, force: true });
  }
});

/**
 * Opens a window whose extension host runs the suite.
 *
 * @param {string} folder the workspace
 * @param {Parameters<typeof workbenchUrl>[2]} development
 * @returns {Promise<string[]>} what went wrong outside of the tests: no end in time, promises that nobody handled
 */
async function runInExtensionHost(folder, development) {
  const server = await startServer({ driver: true });
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    /** @type {string[]} */
    const problems = [];
    // With the driver on, the workbench hands the host's console and the outcome of the suite to these two functions of the page.
    await page.exposeFunction('codeAutomationLog', (/** @type {string} */ kind, /** @type {unknown[]} */ words) => {
      const line = words.map(String).join(' ');
      if (values.verbose) console.log(`[${kind}] ${line}`);
      if (line.includes('rejected promise not handled') && line.includes('objective-lab')) problems.push(line);
    });
    /** @type {(inTime: boolean) => void} */
    let end = () => undefined;
    /** @type {Promise<boolean>} */
    const ended = new Promise((resolve) => {
      end = resolve;
    });
    await page.exposeFunction('codeAutomationExit', () => end(true));
    setTimeout(() => end(false), LONGEST).unref();
    await page.goto(workbenchUrl(server.host, folder, development));
    if (!(await ended)) problems.push(`The suite did not end within ${LONGEST / 1000} s.`);
    return problems;
  } finally {
    await browser.close();
    await server.stop();
  }
}
