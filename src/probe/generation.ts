import type { ProbeOptionsOf } from '../experiment/probes';
import { Writer, type WritingModel } from '../inspect/writer';
import type { Writing } from '../model/incremental';
import { UserError } from '../shared/errors';
import { locate } from './dataset';
import { countLeaks } from './leaks';
import { bleuOf } from './metrics/bleu';
import { chrfOf } from './metrics/chrf';
import type { Measured, Probe, ProbeContext } from './probe';
import { tuneWriter } from './seq2seq-tuning';
import { allOf, bootstrap, meanOf } from './statistics';
import { keyOf, readTable, sample, splitRows } from './table';

type Options = ProbeOptionsOf<'generation'>;

/** Texts that are written at once. */
const AT_ONCE = 16;

/** A text from a text. */
export const generation: Probe<Options> = {
  type: 'generation',
  title: 'Generation',
  description: 'Writes a text from a text, as the model was trained to or after fine-tuning.',
  main: 'chrf',
  better: 'higher',
  metrics: {
    exactMatch: 'Share of the texts that are written as they should be.',
    bleu: 'BLEU of all texts together, 0 to 100, as sacrebleu computes it by default.',
    chrf: 'chrF of all texts together, 0 to 100, as sacrebleu computes it by default.',
  },
  papers: [
    'Papineni et al., 2002. BLEU: a Method for Automatic Evaluation of Machine Translation. ACL 2002',
    'Popović, 2015. chrF: character n-gram F-score for automatic MT evaluation. WMT 2015',
    'Post, 2018. A Call for Clarity in Reporting BLEU Scores. arXiv 1804.08771',
    'Rothe et al., 2020. Leveraging Pre-trained Checkpoints for Sequence Generation Tasks. arXiv 1907.12461',
  ],
  async run(options, context) {
    const { train, test, note } = await divide(options, context);
    const [{ model, writing, ...tuned }, trained] = train
      ? [await tuneWriter(train, options, context), train.length]
      : [ownWriter(context), undefined];
    const sources = test.map(({ source }) => source);
    const { texts, cut } = await write(sources, model, writing, options.beams, context);
    const measured = await measure(
      test.map(({ target }) => target),
      sources,
      texts,
      options.seed,
      model,
    );
    const pairs = (of: readonly Pair[]): [string, string][] => of.map(({ source, target }) => [source, target]);
    return {
      ...measured,
      examples: test.length,
      trained,
      leaks: await countLeaks(pairs(test), train && pairs(train), context),
      notes: [
        note,
        tuned.note,
        options.beams === 1 ? 'Greedy search.' : `Beam search with ${options.beams} beams.`,
        "Written and wanted texts are compared as the model's tokenizer writes them: case and spacing that it does not know do not count.",
        ...(cut > 0 ? [`${cut} sources are longer than the model reads, and were cut.`] : []),
      ],
    };
  },
};

/** A text and what should be written for it. */
export interface Pair {
  readonly source: string;
  readonly target: string;
}

/** What writes texts, and how it came about. */
export interface TunedWriter {
  readonly model: WritingModel;
  readonly writing: Writing;
  readonly note: string;
}

function ownWriter({ model }: ProbeContext): TunedWriter {
  const { writing } = model;
  if (!writing)
    throw new UserError(
      `The model in ${model.folder} was not trained to write text.`,
      'Name pairs to fine-tune on in "train", or choose a run whose objectives include "seq2seq" or "clm".',
      'probe',
    );
  return {
    model,
    writing,
    note: writing.reads ? "Written by the run's own decoder; nothing was trained." : 'Written as a continuation; nothing was trained.',
  };
}

async function divide(
  { train, test, testShare, trainExamples, examples, seed, source, target }: Options,
  context: ProbeContext,
): Promise<{ train: Pair[] | undefined; test: Pair[]; note: string }> {
  const read = async (file: string): Promise<Pair[]> =>
    (await readTable(await locate(file, context), [source, target])).map((row) => ({ source: row[source]!, target: row[target]! }));
  const drawn = (pairs: Pair[]): Pair[] => sample(pairs, examples, seed);
  if (train === undefined) return { train: undefined, test: drawn(await read(test!)), note: `Measured on ${test}.` };
  const all = await read(train);
  // By what is read alone: another answer to a text that was learnt from would not be new.
  const sides =
    test === undefined ? splitRows(all, (pair) => keyOf([pair.source]), testShare, seed) : { train: all, test: await read(test) };
  if (sides.train.length === 0 || sides.test.length === 0)
    throw new UserError(`${train} has too few rows to learn from and to be measured on.`, 'Give more rows, or a test file.', 'corpus');
  return {
    train: sample(sides.train, trainExamples, seed),
    test: drawn(sides.test),
    note:
      test === undefined
        ? `Split by the probe: ${100 * testShare} % of the sources in ${train} are the test, drawn by seed ${seed}.`
        : `Split as given: learnt from ${train}, measured on ${test}.`,
  };
}

/** The best text for each source. */
async function write(
  sources: readonly string[],
  model: WritingModel,
  writing: Writing,
  beams: number,
  { signal, onProgress }: ProbeContext,
): Promise<{ texts: string[]; cut: number }> {
  const { tokenizer } = model;
  const most = writing.reads ? writing.reads.length - 2 : writing.longest - 2;
  const encoded = await Promise.all(sources.map(async (text) => (await tokenizer.encode(text)).ids));
  // What is continued ends where the text goes on; of what is read, the beginning is kept, as in training.
  const ids = encoded.map((each) => (writing.reads ? each.subarray(0, most) : each.subarray(-most)));
  const texts: string[] = [];
  const writer = await Writer.open(model, writing, { texts: Math.min(AT_ONCE, sources.length), beams });
  try {
    let done = 0;
    for (const group of groupsOf(ids, writing.reads === undefined)) {
      signal?.throwIfAborted();
      onProgress?.(`Writing texts: ${done} of ${sources.length}`);
      const found = await writer.write(
        group.map((index) => ids[index]!),
        { lengthPenalty: 1 },
      );
      for (const [i, index] of group.entries()) {
        // A token that stands for all unknown words is no word.
        const known = found[i]![0]!.ids.filter((id) => !tokenizer.isSpecial(id));
        texts[index] = await tokenizer.decode(known);
      }
      done += group.length;
    }
  } finally {
    await writer.release();
  }
  return { texts, cut: encoded.filter((each) => each.length > most).length };
}

/** Numbers of the texts that are written at once: of one length where they are continued. */
function groupsOf(ids: readonly Int32Array[], oneLength: boolean): number[][] {
  const order = [...ids.keys()].sort((a, b) => ids[a]!.length - ids[b]!.length);
  const groups: number[][] = [];
  for (const index of order) {
    const last = groups.at(-1);
    const fits = last && last.length < AT_ONCE && (!oneLength || ids[last[0]!]!.length === ids[index]!.length);
    if (fits) last.push(index);
    else groups.push([index]);
  }
  return groups;
}

async function measure(
  targets: readonly string[],
  sources: readonly string[],
  written: readonly string[],
  seed: number,
  { tokenizer }: WritingModel,
): Promise<Pick<Measured, 'metrics' | 'floor'>> {
  const asWritten = (text: string): Promise<string> => tokenizer.encode(text).then(({ ids }) => tokenizer.decode([...ids]));
  const wanted = await Promise.all(targets.map(asWritten));
  const copied = await Promise.all(sources.map(asWritten));
  const resampled = (statistic: Parameters<typeof bootstrap>[1]) => bootstrap(wanted.length, statistic, { seed });
  return {
    metrics: {
      chrf: resampled(chrfOf(written, wanted)),
      bleu: resampled(bleuOf(written, wanted)),
      exactMatch: resampled(meanOf(written.map((text, i) => (text === wanted[i] ? 1 : 0)))),
    },
    floor: { value: chrfOf(copied, wanted)(allOf(wanted.length)), by: 'copying the source' },
  };
}
