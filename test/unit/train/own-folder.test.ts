import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/shared/errors';
import { loadExperiment } from '../../../src/train/experiment';
import { requireOwnFolder } from '../../../src/train/own-folder';
import { listRuns } from '../../../src/train/run';
import { setUp } from '../../../src/train/setup';
import { makeWorkspace } from '../support/workspace';

let root: string;
let outside: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'own-')));
  outside = realpathSync(mkdtempSync(join(tmpdir(), 'outside-')));
  mkdirSync(join(root, 'work'));
});
afterEach(() => {
  for (const folder of [root, outside]) rmSync(folder, { recursive: true });
});

describe('folders of ours', () => {
  const runs = (): string => join(root, 'work', '.objective-lab', 'runs');

  it('may be missing, be folders, or lie below a link that a person opened', () => {
    requireOwnFolder(runs());
    mkdirSync(runs(), { recursive: true });
    requireOwnFolder(runs());
    symlinkSync(join(root, 'work'), join(root, 'link'));
    requireOwnFolder(join(root, 'link', '.objective-lab', 'runs', 'one'));
    requireOwnFolder(outside);
  });

  it.each([
    ['to elsewhere', (): string => outside],
    ['to the folder above', (): string => '..'],
    ['to nowhere', (): string => join(outside, 'none')],
    ['to itself', (): string => '.objective-lab'],
  ])('may be no link %s', (_, target) => {
    symlinkSync(target(), join(root, 'work', '.objective-lab'));
    expect(() => requireOwnFolder(runs())).toThrow(UserError);
    expect(() => requireOwnFolder(runs())).toThrow(join(root, 'work', '.objective-lab'));
  });

  it('may hold no link that leads out of them, while one within is fine', () => {
    mkdirSync(join(runs(), 'one'), { recursive: true });
    symlinkSync(join(runs(), 'one'), join(runs(), 'two'));
    requireOwnFolder(join(runs(), 'two', 'checkpoints'));
    symlinkSync(outside, join(runs(), 'one', 'checkpoints'));
    expect(() => requireOwnFolder(join(runs(), 'one', 'checkpoints', 'step-00000001'))).toThrow(/checkpoints is a link/);
  });

  it('that are links are not listed, so that no run behind them is deleted; nor is a run that is one', () => {
    mkdirSync(join(root, 'work', '.objective-lab'));
    symlinkSync(outside, runs());
    expect(() => listRuns(runs())).toThrow(/runs is a link/);
    rmSync(runs());
    mkdirSync(runs());
    symlinkSync(outside, join(runs(), '20260101-000000-away'));
    expect(listRuns(runs())).toEqual([]);
  });

  it('that are links get no cache', async () => {
    const workspace = makeWorkspace();
    try {
      symlinkSync(outside, join(workspace.folder, '.objective-lab'));
      await expect(setUp(loadExperiment(workspace.experiment), () => undefined)).rejects.toThrow(/\.objective-lab is a link/);
      expect(readdirSync(outside)).toEqual([]);
    } finally {
      workspace.remove();
    }
  });
});
