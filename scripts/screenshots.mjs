// npm run screenshots: takes the README's pictures in a real workbench, dark, of the quick start. After `npm run package`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startSession } from '../test/e2e/session.mjs';
import { DashboardView, InspectorView, storedRuns, until } from '../test/e2e/views.mjs';
import { openFile, runCommand } from '../test/support/workbench.mjs';
import { root } from './lib/paths.mjs';
import { main } from './lib/run.mjs';

/** The quick start as shipped, so that the pictures show what the README promises. */
const LONGEST_RUN = 600_000;
const CHAPTER = '001-loomings.md';
const HIDDEN = ['sea', 'ship'];

await main(async () => {
  const folder = join(root, 'media', 'screenshots');
  mkdirSync(folder, { recursive: true });
  const session = await startSession({ viewport: { width: 1440, height: 900 } });
  const { page, workspace } = session;
  const take = async (/** @type {string} */ name) => {
    await page.mouse.move(0, 0);
    await page.waitForTimeout(500); // hovers and focus rings fade
    await page.screenshot({ path: join(folder, `${name}.png`) });
  };
  try {
    await openFile(page, 'quickstart.lab.json');
    await runCommand(page, 'Objective Lab: Start Run');
    await DashboardView.find(page);
    await until('the end of the run', () => storedRuns(workspace)[0]?.state === 'completed', LONGEST_RUN);
    await runCommand(page, 'Notifications: Clear All Notifications');
    await runCommand(page, 'View: Toggle Primary Side Bar Visibility');
    await take('chart');

    await runCommand(page, 'View: Close All Editors');
    await openFile(page, CHAPTER);
    await runCommand(page, 'Objective Lab: Open Inspector');
    const inspector = await InspectorView.find(page);
    await until('tokens', async () => (await inspector.tokens.count()) > 100);
    for (const token of HIDDEN) await inspector.toggle(token);
    await until('predictions', async () => (await inspector.percentages()).length > HIDDEN.length);
    await take('inspector');

    await inspector.showSimilarity();
    await until('a heatmap', () => inspector.heatmap());
    await take('similarity');
  } finally {
    await session.stop();
  }
});
