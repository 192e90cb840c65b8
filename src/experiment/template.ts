/**
 * The experiment that *New Experiment* writes: JSON with comments, complete enough to run on the text beside it and to learn the fields from.
 *
 * @param name what the experiment's runs are called
 */
export const newExperiment = (
  name: string,
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

  // The losses of all objectives are multiplied by their weights and added up.
  "objectives": [
    // Masked language modelling: hide 15 % of the tokens and guess them from what is left and right of them.
    { "type": "mlm", "weight": 1, "batchSize": 16, "sequenceLength": 64, "rate": 0.15 },
    // Contrastive learning: encode each sentence twice with different dropout; the two vectors should be more alike than those of
    // different sentences. A lower temperature punishes near misses harder.
    { "type": "contrastive", "weight": 0.1, "batchSize": 16, "sequenceLength": 32, "temperature": 0.05 },
  ],

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
