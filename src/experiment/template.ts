/** An objective with its settings at their defaults, in the order in which they are declared: the most important first. */
export interface ObjectiveSnippet {
  readonly label: string;
  readonly description?: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** How many settings of an objective are written out; the others are a completion away. */
const SETTINGS = 6;

/**
 * The experiment that *New Experiment* writes: JSON with comments, complete enough to run on the text beside it and to learn the fields from.
 *
 * @param name what the experiment's runs are called
 * @param objectives at least one
 */
export const newExperiment = (
  name: string,
  objectives: readonly ObjectiveSnippet[],
): string => `// What to read, which model to train, and what it is asked to learn. Only "objectives" is required.
// Hover over a field to read about it; Ctrl+Space shows which others there are.
{
  "name": ${JSON.stringify(name)},
  // The same seed repeats a run; another one shows how much of a result is luck.
  "seed": 1,

  // The text: every Markdown and plain text file of this folder. A tenth is kept out of training, to measure on.
  "corpus": { "root": ".", "include": ["**/*.md", "**/*.txt"], "heldOut": 0.1 },

  // Text is cut into pieces of words, learned from the corpus itself.
  "tokenizer": { "vocabularySize": 8192, "lowercase": true },

  // A BERT encoder: "tiny" (2 layers) trains in minutes on a laptop; then "mini", "small" and "base".
  "model": "tiny",

  "objectives": [
${objectives.map(objectiveLines).join('\n')}
  ],
${objectives.length > 1 ? COMBINATION : ''}
  "training": {
    "steps": 1000,
    // Climbs to this value over the first tenth of the steps, then falls to zero in a straight line.
    "learningRate": 0.001,
    "warmup": 0.1,
    "schedule": "linear",
    // In steps: how often to measure on the held-out text, and to save.
    "evaluateEvery": 100,
    "checkpointEvery": 200,
  },
}
`;

const COMBINATION = `
  // Their losses are multiplied by their weights and added up. Other kinds are "alternate", one objective a step in
  // turn, and "phases", some objectives first and others then.
  "combination": { "kind": "sum" },
`;

function objectiveLines({ description, body }: ObjectiveSnippet): string {
  const settings = Object.entries(body).slice(0, SETTINGS);
  const fields = settings.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(', ');
  return `${description === undefined ? '' : `    // ${description}\n`}    { ${fields} },`;
}

/** What a new comparison is filled in with; JSON values as they stand in the file. */
export interface ComparisonChoices {
  readonly variants: readonly { readonly name: string; readonly change: object }[];
  readonly budget: object;
  readonly seeds: number;
  readonly probes: readonly object[];
}

/** Something to start from: three variants, and the one probe that needs no labelled data. */
const USUAL: ComparisonChoices = {
  variants: [
    { name: 'MLM', change: { objectives: [{ type: 'mlm' }] } },
    { name: 'contrastive', change: { objectives: [{ type: 'contrastive' }] } },
    { name: 'MLM + contrastive', change: { objectives: [{ type: 'mlm' }, { type: 'contrastive', weight: 0.1 }] } },
  ],
  budget: { flops: 2e12 },
  seeds: 3,
  probes: [{ type: 'perplexity' }],
};

/**
 * The comparison that *Compare Objectives* writes: JSON with comments.
 *
 * @param experiment path of the base experiment, relative to the comparison's folder
 */
export const newComparison = (
  experiment: string,
  { variants, budget, seeds, probes }: ComparisonChoices = USUAL,
): string => `// Which objective for which task: the same model and text with different objectives, at equal cost, measured by the same probes.
// Hover over a field to read about it; Ctrl+Space shows which others there are.
{
  // All that the variants have in common.
  "experiment": ${JSON.stringify(experiment)},

  // Each is the base experiment with changes: objects are merged, lists and values replaced, null removes.
  "variants": [
${variants.map((variant) => `    ${inline(variant)},`).join('\n')}
  ],

  // What each member may spend; it decides the number of steps. One of "flops", "tokens" and "seconds".
  "budget": ${inline(budget)},

  // Each variant is trained so many times. Fewer than three tell little of luck.
  "seeds": ${seeds},

  // Downstream tasks. Paths are relative to the experiment's folder.
  "probes": [
${probes.map((probe) => `    ${inline(probe)},`).join('\n')}
  ],
}
`;

/** JSON on one line as people write it: `{ "type": "mlm" }`. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${JSON.stringify(key)}: ${inline(each)}`)
    .join(', ')} }`;
}
