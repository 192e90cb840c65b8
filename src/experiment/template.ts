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
