// Runs the suite of test/vscode/suite in desktop VS Code, which it downloads into .vscode-test unless VSCODE_PATH names one.
//   node test/vscode/run-desktop.mjs        after `npm run build`
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { main } from '../../scripts/lib/run.mjs';
import { finish, printResult, readResults } from '../support/report.mjs';
import { builtExtension, makeWorkspace } from './workspace.mjs';

await main(async () => {
  const { extension, tests } = builtExtension();
  const executable = process.env.VSCODE_PATH;
  const output = mkdtempSync(path.join(tmpdir(), 'objective-lab-results-'));
  const resultFile = path.join(output, 'results.jsonl');
  const workspace = makeWorkspace();
  try {
    // It rejects when a test failed; the file says which.
    await runTests({
      ...(executable && { vscodeExecutablePath: executable }),
      extensionDevelopmentPath: extension,
      extensionTestsPath: tests,
      extensionTestsEnv: { TEST_RESULTS: resultFile },
      launchArgs: [workspace.folder, '--disable-extensions', '--disable-workspace-trust', '--user-data-dir', path.join(output, 'user')],
    }).catch((/** @type {unknown} */ error) => console.error(String(error)));
    const results = readResults(resultFile);
    for (const result of results) printResult(result);
    return finish(results);
  } finally {
    workspace.remove();
    rmSync(output, { recursive: true, force: true });
  }
});
