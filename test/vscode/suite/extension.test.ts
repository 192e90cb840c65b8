import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { EXTENSION } from '../support';

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string; readonly category?: string }[] };
}

describe('The extension', () => {
  it('activates in the extension host', async () => {
    const extension = vscode.extensions.getExtension(EXTENSION);
    assert.ok(extension, `${EXTENSION} is not installed`);
    await extension.activate();
    assert.equal(extension.isActive, true);
  });

  it('registers every command that it contributes', async () => {
    const manifest = vscode.extensions.getExtension(EXTENSION)?.packageJSON as Manifest;
    const contributed = manifest.contributes.commands;
    assert.ok(contributed.length >= 5, 'the commands of the README are contributed');
    assert.deepEqual([...new Set(contributed.map(({ category }) => category))], ['Objective Lab']);
    const registered = new Set(await vscode.commands.getCommands(true));
    assert.deepEqual(
      contributed.map(({ command }) => command).filter((command) => !registered.has(command)),
      [],
    );
  });
});
