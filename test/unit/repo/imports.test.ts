import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const LAYERS = [
  'shared',
  'experiment',
  'text',
  'onnx',
  'model',
  'objectives',
  'train',
  'bench',
  'inspect',
  'probe',
  'compare',
  'lab',
  'kernel',
  'notebook',
  'doctor',
  'bundle',
  'host',
];

/** What each layer may import, written down a second time on purpose: a mistake in the lint configuration shows here. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  shared: ['shared'],
  experiment: ['experiment', 'shared'],
  text: ['text', 'shared'],
  onnx: ['onnx', 'shared'],
  model: ['model', 'onnx', 'shared'],
  objectives: ['objectives', 'model', 'onnx', 'experiment', 'text', 'shared'],
  train: ['train', 'objectives', 'model', 'onnx', 'experiment', 'text', 'shared'],
  bench: ['bench', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text', 'shared'],
  inspect: ['inspect', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text', 'shared'],
  probe: ['probe', 'inspect', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text', 'shared'],
  compare: ['compare', 'probe', 'inspect', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text', 'shared'],
  lab: ['lab', 'compare', 'probe', 'inspect', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text', 'shared'],
  kernel: ['kernel', 'lab', 'compare', 'probe', 'inspect', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text', 'shared'],
  notebook: ['notebook', 'shared'],
  doctor: ['doctor', 'bench', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text', 'shared'],
  bundle: ['bundle', 'doctor', 'shared'],
  host: ['host', 'notebook', 'shared'],
};

// The rules about imports need no types, and files that exist only here have none.
const eslint = new ESLint({ cwd: root, overrideConfig: [tseslint.configs.disableTypeChecked] });

/** The rules about imports that a file at `path` breaks when it imports `specifier`. */
async function broken(path: string, specifier: string): Promise<string[]> {
  const [result] = await eslint.lintText(`import '${specifier}';\n`, { filePath: join(root, path) });
  if (!result) throw new Error(`ESLint ignores ${path}.`);
  return result.messages.map(({ ruleId, message }) => ruleId ?? message);
}

/** Any module of a layer, because the rule looks only at imports that resolve. */
function moduleOf(layer: string): string {
  const file = readdirSync(join(root, 'src', layer)).find((name) => name.endsWith('.ts'));
  if (!file) throw new Error(`src/${layer} has no module.`);
  return file.replace(/\.ts$/, '');
}

describe('imports point one way', () => {
  it.each(LAYERS.flatMap((from) => LAYERS.map((to) => ({ from, to, allowed: ALLOWED[from]?.includes(to) === true }))))(
    'src/$from → src/$to: $allowed',
    async ({ from, to, allowed }) => {
      expect(await broken(`src/${from}/unwritten.ts`, `../${to}/${moduleOf(to)}`)).toEqual(allowed ? [] : ['import-x/no-restricted-paths']);
    },
  );

  it.each(['trainer.ts', 'kernel.ts', 'cli.ts'])('src/%s runs without an editor', async (file) => {
    expect(existsSync(join(root, 'src', file))).toBe(true);
    expect(await broken(`src/${file}`, `./host/${moduleOf('host')}`)).toEqual(['import-x/no-restricted-paths']);
    expect(await broken(`src/${file}`, `./train/${moduleOf('train')}`)).toEqual([]);
    expect(await broken(`src/${file}`, 'vscode')).toContain('no-restricted-imports');
  });

  it('the extension composes src/host alone', async () => {
    expect(await broken('src/extension.ts', `./train/${moduleOf('train')}`)).toEqual(['import-x/no-restricted-paths']);
    expect(await broken('src/extension.ts', `./host/${moduleOf('host')}`)).toEqual([]);
  });

  it('a webview reaches only the messages of src/shared', async () => {
    expect(await broken('webview/inspector/unwritten.ts', `../../src/text/${moduleOf('text')}`)).toEqual(['import-x/no-restricted-paths']);
    expect(await broken('webview/inspector/unwritten.ts', `../../src/shared/${moduleOf('shared')}`)).toEqual([]);
    expect(await broken('webview/inspector/unwritten.ts', 'node:fs')).toEqual(['no-restricted-imports']);
  });

  it('what ships imports no test', async () => {
    expect(await broken('src/text/unwritten.ts', '../../test/unit/support/random')).toEqual(['import-x/no-restricted-paths']);
  });
});

describe('packages have one place', () => {
  it.each(LAYERS)('vscode in src/%s', async (layer) => {
    const rules = await broken(`src/${layer}/unwritten.ts`, 'vscode');
    if (layer === 'host') expect(rules).not.toContain('no-restricted-imports');
    else expect(rules).toContain('no-restricted-imports');
  });

  it.each(LAYERS)('onnxruntime-node in src/%s', async (layer) => {
    expect(await broken(`src/${layer}/unwritten.ts`, 'onnxruntime-node')).toEqual(['no-restricted-imports']);
  });

  it('onnxruntime-node in src/train/device', async () => {
    expect(await broken('src/train/device.ts', 'onnxruntime-node')).toEqual([]);
    expect(await broken('src/train/device/unwritten.ts', 'onnxruntime-node')).toEqual([]);
  });

  it('Node is out of reach of src/shared', async () => {
    expect(await broken('src/shared/unwritten.ts', 'node:fs')).toEqual(['no-restricted-imports']);
  });

  it('what is installed for development does not ship', async () => {
    expect(await broken('src/text/unwritten.ts', 'fast-check')).toEqual(['import-x/no-extraneous-dependencies']);
  });
});
