import { makeNotebook, type Notebook } from './ipynb';

/** What is known of an experiment where a notebook is made of it. */
export interface Known {
  readonly name: string;
  /** Types of its objectives. */
  readonly objectives: readonly string[];
}

type Cells = Parameters<typeof makeNotebook>[0][number][];

/** A notebook that runs an experiment and looks at what it learned. @param file its path, seen from the notebook's folder */
export const notebookOfExperiment = (file: string, { name, objectives }: Known): Notebook =>
  makeNotebook([
    { kind: 'markdown', text: `# ${name}\n\nRuns the experiment \`${file}\`, and looks at what it has learned.` },
    { kind: 'code', text: `const run = await lab.train(${quoted(file)});\nrun` },
    ...looks(objectives),
    { kind: 'markdown', text: '## The computation\n\nOne training step is one graph: forward, backward and update.' },
    { kind: 'code', text: `await lab.graph(${quoted(file)})` },
  ]);

/**
 * A notebook that shows a run and does it again: on the CPU with the same seed it gives the same numbers, as long as its text is the same.
 *
 * @param id of the run
 * @param experiment all that it was made from, as its folder keeps it
 */
export const notebookOfRun = (id: string, experiment: object, { name, objectives }: Known): Notebook =>
  makeNotebook([
    { kind: 'markdown', text: `# ${name}\n\nThe run \`${id}\`: what it has learned, and how to do it again.` },
    { kind: 'code', text: `const run = lab.run(${quoted(id)});\nrun` },
    { kind: 'code', text: 'run.curve()' },
    ...looks(objectives),
    {
      kind: 'markdown',
      text: '## Again\n\nAll that the run was made from. On the same kind of processor the same seed gives the same numbers, as long as the text is the same.',
    },
    { kind: 'code', text: `const experiment = ${JSON.stringify(experiment, null, 2)} as const;` },
    { kind: 'code', text: 'const again = await lab.train(experiment);\nagain' },
    {
      kind: 'code',
      text: 'lab.table([\n  { run: run.id, ...run.eval },\n  { run: again.id, ...again.eval },\n])',
    },
  ]);

/** A notebook that runs a comparison, or goes on with it, and shows what it found. @param file of the comparison, seen from the notebook */
export const notebookOfComparison = (file: string, name: string): Notebook =>
  makeNotebook([
    {
      kind: 'markdown',
      text: `# ${name}\n\nWhich variant for which task. Members that are done are not run again; the others are trained by this cell, each as an ordinary run.`,
    },
    { kind: 'code', text: `const report = await lab.compare(${quoted(file)});\nreport` },
    { kind: 'markdown', text: '## What to choose\n\nNo more than the numbers say: see the notes for how they were tested.' },
    { kind: 'code', text: 'lab.table(report.recommendations.map(({ probe, text }) => ({ probe, recommendation: text })))' },
    { kind: 'code', text: 'report.notes' },
    { kind: 'markdown', text: '## Pairs\n\nSeed by seed, with p-values corrected for all comparisons.' },
    {
      kind: 'code',
      text: 'lab.table(report.pairs.map(({ probe, a, b, difference, wins, seeds, adjusted }) => ({ probe, a, b, difference, ahead: `${wins} of ${seeds} seeds`, p: adjusted })))',
    },
  ]);

/** Looks at a model by what it was trained for. */
function looks(objectives: readonly string[]): Cells {
  const masked: Cells = [
    { kind: 'markdown', text: '## Gaps\n\nWhat it puts in a gap, and how unexpected it finds each word of a text.' },
    { kind: 'code', text: "await lab.mask('The [MASK] is here.', { model: run })" },
    { kind: 'code', text: "await lab.surprisal('Write a sentence of your own here.', { model: run })" },
  ];
  const alike: Cells = [
    { kind: 'markdown', text: '## Likeness\n\nHow alike it finds texts: write those that you care about.' },
    {
      kind: 'code',
      text: "const texts = [\n  'A first sentence.',\n  'One that says the same.',\n  'Something else altogether.',\n];\nawait lab.similarity(texts, { model: run })",
    },
  ];
  return [...(objectives.includes('mlm') ? masked : []), ...alike];
}

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
