import assert from 'node:assert/strict';
import { watch } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import { EXTENSION, until, workspaceUri } from '../support';

const PROVIDER = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];

describe('The commands for this machine', () => {
  it('open the check in a tab, once', async () => {
    const tabs = (): vscode.Tab[] =>
      vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter(({ label }) => label === 'This Machine');
    await vscode.commands.executeCommand('objectiveLab.checkMachine');
    await until('the tab', () => tabs()[0]);
    await vscode.commands.executeCommand('objectiveLab.checkMachine');
    assert.equal(tabs().length, 1);
    await vscode.window.tabGroups.close(tabs());
  });

  it('set up CUDA beside the runtime, and take it away where it does not work', async () => {
    const runtime = path.join(vscode.extensions.getExtension(EXTENSION)!.extensionPath, 'node_modules', 'onnxruntime-node');
    const { version } = JSON.parse(await readFile(path.join(runtime, 'package.json'), 'utf8')) as { version: string };
    const folder = workspaceUri('provider');
    await mkdir(folder.fsPath);
    for (const name of PROVIDER) await writeFile(path.join(folder.fsPath, name), `\0libcudart.so.13\0${version}\0`);
    const libraries = path.join(runtime, 'bin', 'napi-v6', process.platform, process.arch);
    const before = await readdir(libraries);
    const seen = new Set<string | null>();
    const watcher = watch(libraries, (_, name) => seen.add(name));
    try {
      await vscode.commands.executeCommand('objectiveLab.setUpCuda', folder);
      await until('the files in their places', () => PROVIDER.every((name) => seen.has(name)) || undefined);
    } finally {
      watcher.close();
    }
    assert.deepEqual(await readdir(libraries), before);
  });
});
