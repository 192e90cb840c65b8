import type { ProbeOptionsOf } from '../experiment/probes';
import { measureLabels } from './labelled';
import type { Probe } from './probe';

/** One label for each text: sentiment, topic. */
export const classification: Probe<ProbeOptionsOf<'classification'>> = {
  type: 'classification',
  title: 'Classification',
  description: 'Tells the label of a text, such as its sentiment or its topic.',
  main: 'accuracy',
  better: 'higher',
  metrics: {
    accuracy: 'Share of the test examples whose label is told.',
    macroF1: 'Mean of the F1 of each label, rare ones counting alike.',
  },
  papers: [
    'Conneau & Kiela, 2018. SentEval: An Evaluation Toolkit for Universal Sentence Representations. arXiv 1803.05449',
    'Socher et al., 2013. Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank. EMNLP 2013',
  ],
  run: (options, context) => measureLabels(options, [options.text], context),
};
