import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { fillIn, stateOf } from '../../../src/compare/file';
import { checkComparison, loadComparison } from '../../../src/compare/load';
import { makeWorkspace } from '../support/workspace';

let workspace: ReturnType<typeof makeWorkspace>;
const mlm = { type: 'mlm', batchSize: 8, sequenceLength: 32 };
const choices = {
  variants: [
    { name: 'mlm', objectives: ['mlm'] },
    { name: 'mlm + contrastive', objectives: ['mlm', 'contrastive'] },
  ],
  budget: { unit: 'tokens', amount: 5e6 },
  seeds: 5,
  probes: [{ type: 'perplexity' }],
} as const;
const filled = (): string =>
  fillIn(workspace.experiment, { ...choices, variants: [...choices.variants], probes: [...choices.probes] } as never);

afterEach(() => workspace.remove());

describe('a comparison that a form fills in', () => {
  it('is right as it is, says what was chosen, and weighs contrastive learning beside others', () => {
    workspace = makeWorkspace({ objectives: [mlm] });
    const path = join(workspace.folder, 'mine.compare.json');
    writeFileSync(path, filled());
    expect(checkComparison(filled(), path)).toEqual([]);
    const { comparison, variants } = loadComparison(path);
    expect(comparison).toMatchObject({ budget: { tokens: 5e6 }, seeds: 5 });
    expect(variants.map(({ experiment }) => experiment.objectives)).toMatchObject([
      [{ type: 'mlm', weight: 1 }],
      [
        { type: 'mlm', weight: 1 },
        { type: 'contrastive', weight: 0.1 },
      ],
    ]);
    expect(stateOf(path)).toMatchObject({ name: 'mine', begun: false, changes: [] });
  });

  it('takes away a combination that names the objectives of its base', () => {
    const phases = [
      { objectives: ['mlm'], share: 0.5 },
      { objectives: ['contrastive'], share: 0.5 },
    ];
    workspace = makeWorkspace({
      objectives: [mlm, { type: 'contrastive', batchSize: 8, sequenceLength: 32 }],
      combination: { kind: 'phases', phases },
    });
    expect(checkComparison(filled(), join(workspace.folder, 'mine.compare.json'))).toEqual([]);
  });
});
