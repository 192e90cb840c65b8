// @ts-check
import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * The layers of src/, each with the layers it may import besides itself; `shared` is open to all. CONTRIBUTING.md draws the picture.
 * @type {Record<string, string[]>}
 */
const layers = {
  shared: [],
  experiment: [],
  text: [],
  onnx: [],
  model: ['onnx'],
  objectives: ['model', 'onnx', 'experiment', 'text'],
  train: ['objectives', 'model', 'onnx', 'experiment', 'text'],
  bench: ['train', 'objectives', 'model', 'onnx', 'experiment', 'text'],
  inspect: ['train', 'objectives', 'model', 'onnx', 'experiment', 'text'],
  probe: ['inspect', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text'],
  compare: ['probe', 'inspect', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text'],
  lab: ['compare', 'probe', 'inspect', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text'],
  kernel: ['lab', 'compare', 'probe', 'inspect', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text'],
  notebook: [],
  doctor: ['bench', 'train', 'objectives', 'model', 'onnx', 'experiment', 'text'],
  bundle: ['doctor'],
  host: ['notebook'],
};

const zones = [
  ...Object.entries(layers).map(([layer, below]) => ({
    target: `./src/${layer}`,
    from: './src',
    except: [...new Set(['shared', layer, ...below])].map((name) => `./${name}`),
    message: `src/${layer} may import only ${['src/shared', ...below.map((name) => `src/${name}`)].join(', ')}.`,
  })),
  {
    target: './src/extension.ts',
    from: './src',
    except: ['./host', './shared'],
    message: 'The extension composes src/host; the trainer process does the rest.',
  },
  {
    target: ['./src/trainer.ts', './src/kernel.ts', './src/cli.ts', './src/cli'],
    from: ['./src/host', './src/extension.ts'],
    message: 'The trainer, the kernel and the command line run without an editor.',
  },
  { target: './src', from: ['./webview', './test', './bench', './scripts'], message: 'src/ stands on its own.' },
  { target: './webview', from: './src', except: ['./shared'], message: 'A webview reaches the rest through the messages of src/shared.' },
];

const onlyInHost = { name: 'vscode', message: 'Only src/host and src/extension.ts may import vscode: the rest runs without an editor.' };
const onlyInDevice = { name: 'onnxruntime-node', message: 'Only src/train/device may import onnxruntime-node.' };
const wholeZod = {
  selector: 'ImportDeclaration[source.value=/^zod/] > ImportSpecifier',
  message: "Write `import * as z from 'zod'`: of the object `z` a bundle takes all.",
};
const smallZod = { name: 'zod', message: 'Write `zod/mini`: views carry this code, and evaluate it before they show anything.' };
const noNode = { regex: '^node:', message: 'This code also runs in a browser.' };

export default defineConfig(
  { ignores: ['dist/', 'coverage/', '.workbench/', '.vscode-test/', 'test/e2e/output/', 'bench/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.mjs', '.js', '.json'] })] },
    rules: {
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
      'import-x/no-cycle': 'error',
      // What ships is a dependency, what builds or tests it a devDependency.
      'import-x/no-extraneous-dependencies': ['error', { packageDir: import.meta.dirname, devDependencies: false }],
      'no-restricted-imports': ['error', { paths: [onlyInHost, onlyInDevice] }],
      'no-restricted-syntax': ['error', wholeZod],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: 'error',
      // Numbers and booleans in messages read well as they are.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // `() => send(message)` is how a callback without a result is written here.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true }],
      // Index loops over typed arrays are the numeric code's own idiom.
      '@typescript-eslint/prefer-for-of': 'off',
      // Reads of typed arrays inside proven bounds would otherwise need a check for every element.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // A named variable that is deliberately unused starts with an underscore.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['src/host/**', 'src/extension.ts', 'test/vscode/**'],
    rules: { 'no-restricted-imports': ['error', { paths: [onlyInDevice] }] },
  },
  {
    files: ['src/train/device.ts', 'src/train/device/**'],
    rules: { 'no-restricted-imports': ['error', { paths: [onlyInHost] }] },
  },
  {
    files: ['src/shared/**', 'webview/**'],
    rules: { 'no-restricted-imports': ['error', { paths: [onlyInHost, onlyInDevice, smallZod], patterns: [noNode] }] },
  },
  {
    // Tests run graphs on the real runtime, and use what is installed for development.
    files: ['test/**', 'bench/**'],
    rules: {
      'no-restricted-imports': ['error', { paths: [onlyInHost] }],
      'import-x/no-extraneous-dependencies': 'off',
    },
  },
  { files: ['test/vscode/**'], rules: { 'no-restricted-imports': 'off' } },
  {
    // Plain Node scripts, checked by `tsc` through their JSDoc types; dependencies of development are theirs to use.
    files: ['**/*.mjs', '*.mts'],
    rules: {
      'import-x/no-extraneous-dependencies': ['error', { packageDir: import.meta.dirname, devDependencies: true }],
      // The compiler knows better which globals exist.
      'no-undef': 'off',
      // These two do not see a JSDoc cast, which is how a parsed JSON gets its type here.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
