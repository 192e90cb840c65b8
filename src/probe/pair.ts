import type { ProbeOptionsOf } from '../experiment/probes';
import { measureLabels } from './labelled';
import type { Probe } from './probe';

/** One label for each pair of texts: next sentence, entailment, paraphrase, answer selection. */
export const pair: Probe<ProbeOptionsOf<'pair'>> = {
  type: 'pair',
  title: 'Pair classification',
  description: 'Tells how two texts are related, such as whether one follows from the other.',
  main: 'accuracy',
  better: 'higher',
  metrics: { accuracy: 'Share of the test pairs whose label is told.', macroF1: 'Mean of the F1 of each label, rare ones counting alike.' },
  papers: [
    'Conneau et al., 2017. Supervised Learning of Universal Sentence Representations from Natural Language Inference Data. arXiv 1705.02364',
    'Wang et al., 2018. GLUE: A Multi-Task Benchmark and Analysis Platform for Natural Language Understanding. arXiv 1804.07461',
  ],
  run: (options, context) => measureLabels(options, [options.a, options.b], context),
};
