// npm run screenshots: takes the README's pictures in a real workbench, of the quick start after `STEPS` steps. After `npm run package`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startSession } from '../test/e2e/session.mjs';
import { DashboardView, InspectorView, storedRuns, until } from '../test/e2e/views.mjs';
import { openFile, runCommand } from '../test/support/workbench.mjs';
import { root } from './lib/paths.mjs';
import { main } from './lib/run.mjs';

/** Enough for predictions that a person can follow; about a minute and a half on two cores. */
const STEPS = 600;
const HIDDEN = ['sea', 'ship'];

await main(async () => {
  const folder = join(root, 'media', 'screenshots');
  mkdirSync(folder, { recursive: true });
  const session = await startSession({
    training: { steps: STEPS, evaluateEvery: 20 },
    settings: { 'workbench.editor.enablePreview': false },
    viewport: { width: 1440, height: 900 },
  });
  const { page, workspace } = session;
  try {
    await runCommand(page, 'Objective Lab: Start Run');
    await DashboardView.find(page);
    await until('the end of the run', () => storedRuns(workspace)[0]?.state === 'completed', 300_000);
    await runCommand(page, 'Notifications: Clear All Notifications');
    await page.screenshot({ path: join(folder, 'chart.png') });

    await runCommand(page, 'View: Close All Editors');
    await openFile(page, '001-loomings.md');
    await runCommand(page, 'Objective Lab: Open Inspector');
    await runCommand(page, 'View: Toggle Primary Side Bar Visibility');
    const inspector = await InspectorView.find(page);
    await until('tokens', async () => (await inspector.tokens.count()) > 100);
    for (const token of HIDDEN) await inspector.toggle(token);
    await until('predictions', async () => (await inspector.percentages()).length > HIDDEN.length);
    await until('a heatmap', () => inspector.heatmap());
    await page.screenshot({ path: join(folder, 'inspector.png') });
  } finally {
    await session.stop();
  }
});
