import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../scripts/lib/paths.mjs';
import { runCommand, webview } from '../support/workbench.mjs';
import { scenario } from './scenario.mjs';
import { notification, until } from './views.mjs';

const LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/**
 * Two files that pass for a provider until they are loaded.
 *
 * @param {string} folder
 */
function writeProvider(folder) {
  const manifest = readFileSync(path.join(root, 'node_modules', 'onnxruntime-node', 'package.json'), 'utf8');
  const { version } = /** @type {{ version: string }} */ (JSON.parse(manifest));
  mkdirSync(folder);
  for (const name of LIBRARIES) writeFileSync(path.join(folder, name), `\0libcudart.so.13\0${version}\0`);
}

scenario('This machine', {}, (session) => {
  /** @type {import('playwright-core').Frame} */
  let view;
  const text = () => view.locator('#root').innerText();

  it('is checked, device by device', async () => {
    await runCommand(session().page, 'Objective Lab: Check This Machine');
    view = await webview(session().page, 'This Machine');
    await until('the devices', async () => (await text()).includes('Training works on: CPU'));
    assert.match(await view.getByRole('row', { name: 'cpu' }).innerText(), /works \(\d/);
    assert.match(await view.getByRole('row', { name: 'SGEMM' }).innerText(), /[1-9]\d* GFLOP\/s/);
    assert.match(await view.getByRole('row', { name: 'version' }).innerText(), /Objective Lab \d.*ONNX Runtime \d/);
  });

  it('takes no provider that does not work, and says why', async () => {
    const { page, workspace } = session();
    const provider = path.join(workspace, 'provider');
    writeProvider(provider);
    await runCommand(page, 'Objective Lab: Set Up CUDA…');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'A Folder…' }).click();
    const box = page.locator('.quick-input-widget input.input');
    // The dialog lists what is in the workspace, then nothing: there are only files in the folder.
    const listed = page.locator('.quick-input-list .monaco-list-row', { hasText: 'moby-dick' });
    await listed.waitFor();
    await box.fill(`${provider}/`);
    await listed.waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    assert.match(await notification(page, 'CUDA does not work with this provider here').innerText(), /Its files were taken away again/);
  });

  it('breaks no content security policy', () => {
    assert.deepEqual(
      session().messages.filter((message) => /content security policy/i.test(message)),
      [],
    );
  });
});
