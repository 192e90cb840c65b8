import type {
  ComparedCell,
  ComparedPair,
  ComparedProbe,
  ComparedVariant,
  ComparisonReport,
  Curve,
  Recommendation,
  SeedMean,
} from '../shared/comparison-types';
import type { ProbeResult } from '../shared/probe-types';
import { median } from '../shared/statistics';
import { probeName } from '../probe';
import { holm, tInterval } from '../probe/statistics';
import { describeBudget } from './budget';
import type { ComparisonPlan } from './plan';
import { NOT_DONE, recommend, recommendEach } from './recommend';
import { memberOf, type MemberRecord, type Outcome } from './record';
import { comparePairs, type Pair, type Row } from './statistics';

/** What is known of a comparison's members, in the order of the plan. */
export type Records = readonly MemberRecord[];

/** Everything a comparison found so far. @param curves learning curves, read from the runs */
export function analyse(plan: ComparisonPlan, records: Records, curves: readonly Curve[]): ComparisonReport {
  const done = plan.members.flatMap((member, i) => (records[i]!.state === 'done' ? [{ ...member, record: records[i]! }] : []));
  const left = new Set(plan.members.flatMap(({ variant }, i) => (records[i]!.state === 'failed' ? [] : [variant])));
  const failed = new Set(plan.variants.flatMap(({ name }) => (left.has(name) ? [] : [name])));
  const probed = plan.probes.map((options, index) => probeTable(index, probeName(options), plan, done, failed));
  const devices = new Set(records.flatMap(({ device }) => device ?? []));
  return {
    name: plan.name,
    budget: describeBudget(plan.budget),
    seeds: plan.seeds,
    device: [...devices].join('; ') || 'not known yet',
    command: plan.command,
    createdAt: plan.createdAt,
    variants: plan.variants.map((variant) => variantOf(variant, done)),
    probes: probed.map(({ probe }) => probe),
    cells: probed.flatMap(({ cells }) => cells),
    pairs: probed.flatMap(({ probe, pairs }) => pairs.map((pair) => ({ probe: probe.name, ...published(pair) }))),
    recommendations: probed.map(({ recommendation }) => recommendation),
    curves: [...curves],
    members: plan.members.map((member, i) => memberOf(member, records[i]!)),
    notes: notesOf(plan, records, probed),
  };
}

type DoneMember = ComparisonPlan['members'][number] & { readonly record: MemberRecord };

interface ProbeTable {
  readonly probe: ComparedProbe;
  readonly results: readonly ProbeResult[];
  readonly cells: readonly ComparedCell[];
  readonly pairs: readonly Pair[];
  readonly recommendation: Recommendation;
}

function probeTable(
  index: number,
  fallback: string,
  plan: ComparisonPlan,
  done: readonly DoneMember[],
  failed: ReadonlySet<string>,
): ProbeTable {
  const outcomes = done.flatMap((member) => {
    const outcome = member.record.outcomes[index];
    return outcome ? [{ ...member, outcome }] : [];
  });
  const results = outcomes.flatMap(({ outcome }) => ('result' in outcome ? [outcome.result] : []));
  const [first] = results;
  const probe: ComparedProbe = {
    name: first?.name ?? fallback,
    type: plan.probes[index]!.type,
    metric: first?.main ?? '',
    better: first?.better ?? 'higher',
    ...(first?.floor && { floor: first.floor }),
    leaks: mostLeaks(results),
  };
  const rows = plan.variants.map(({ name }): Row => ({
    variant: name,
    values: new Map(
      outcomes.flatMap(({ variant, seed, outcome }) =>
        variant === name && 'result' in outcome ? [[seed, outcome.result.metrics[probe.metric]!.value]] : [],
      ),
    ),
  }));
  const why = (name: string): string => {
    const refused = outcomes.find(({ variant, outcome }) => variant === name && 'why' in outcome)?.outcome;
    return refused && 'why' in refused ? refused.why : failed.has(name) ? 'all its members failed' : NOT_DONE;
  };
  const cells = rows.map(({ variant, values }): ComparedCell => ({
    variant,
    probe: probe.name,
    ...(values.size > 0 ? { result: seedMean([...values.values()]) } : { why: why(variant) }),
  }));
  const measured = rows.filter(({ values }) => values.size > 0);
  const groups = [...byQuestion(plan, outcomes)].map(([question, variants]) => {
    const own = measured.filter(({ variant }) => variants.has(variant));
    return {
      question,
      cells: ranked(
        cells.filter(({ variant }) => variants.has(variant)),
        probe.better,
      ),
      pairs: comparePairs(own, probe.better, resolutionOf(own, first?.examples)),
    };
  });
  // Whatever was asked, they are pairs of one task: corrected together.
  const adjusted = holm(groups.flatMap(({ pairs }) => pairs.map(({ p }) => p)));
  const corrected = groups.map((group) => ({ ...group, pairs: group.pairs.map((pair) => ({ ...pair, adjusted: adjusted.shift()! })) }));
  const pairs = corrected.flatMap((group) => group.pairs);
  const answer = (of: Pick<ProbeTable, 'cells' | 'pairs'>): Recommendation => recommend(probe, of.cells, of.pairs, plan.seeds.length);
  if (corrected.length > 1)
    return {
      probe: { ...probe, mixed: true },
      results,
      cells,
      pairs,
      recommendation: recommendEach(probe, new Map(corrected.map((group) => [group.question, answer(group)]))),
    };
  const places = ranked(cells, probe.better);
  return { probe, results, cells: places, pairs, recommendation: answer({ cells: places, pairs }) };
}

type MemberOutcome = ComparisonPlan['members'][number] & { readonly outcome: Outcome };

/**
 * Variants by what their numbers of one probe are of: a perplexity is one of hidden or of next tokens, and of one vocabulary. Most probes ask all of them
 * the same.
 */
function byQuestion(plan: ComparisonPlan, outcomes: readonly MemberOutcome[]): Map<string, Set<string>> {
  const asked = plan.variants.flatMap(({ name, vocabulary }) => {
    const found = outcomes.find(({ variant, outcome }) => variant === name && 'result' in outcome)?.outcome;
    if (!found || !('result' in found)) return [];
    const { question = '' } = found.result;
    return [{ name, question, vocabulary: found.result.type === 'perplexity' ? vocabulary : '' }];
  });
  const vocabularies = [...new Set(asked.map(({ vocabulary }) => vocabulary))];
  const groups = new Map<string, Set<string>>();
  for (const { name, question, vocabulary } of asked) {
    const which = vocabularies.length < 2 ? '' : ` in vocabulary ${vocabularies.indexOf(vocabulary) + 1}`;
    const key = `${question}${which}`;
    groups.set(key, (groups.get(key) ?? new Set()).add(name));
  }
  return groups;
}

/** About what one test example counts for: a mean that fits no smaller difference has no smaller spread. */
function resolutionOf(rows: readonly Row[], examples: number | undefined): number {
  const values = rows.flatMap((row) => [...row.values.values()]);
  return examples === undefined || values.length === 0 ? 0 : Math.abs(median(values)) / examples;
}

/** Of variants that read different text, what one of them has met most. */
function mostLeaks(results: readonly ProbeResult[]): ProbeResult['leaks'] {
  const most = (counts: readonly (number | undefined)[]): number | undefined => {
    const known = counts.filter((count) => count !== undefined);
    return known.length === 0 ? undefined : Math.max(...known);
  };
  const [corpus, training] = [most(results.map(({ leaks }) => leaks.corpus)), most(results.map(({ leaks }) => leaks.training))];
  return { ...(corpus !== undefined && { corpus }), ...(training !== undefined && { training }) };
}

function seedMean(values: number[]): SeedMean {
  const { value: mean, low, high } = tInterval(values);
  return { mean, low, high, values };
}

function ranked(cells: readonly ComparedCell[], better: 'higher' | 'lower'): ComparedCell[] {
  const sign = better === 'higher' ? -1 : 1;
  const means = cells.flatMap(({ result }) => result?.mean ?? []).sort((a, b) => sign * (a - b));
  return cells.map((cell) => (cell.result ? { ...cell, rank: means.indexOf(cell.result.mean) + 1 } : cell));
}

/** Options that make one objective several, as the experiment has them. */
interface ObjectiveKind {
  readonly type: string;
  readonly positives?: Kind;
  readonly task?: Kind;
}
type Kind = string | { readonly from: string };

const kindsOf = ({ positives, task }: ObjectiveKind): string[] =>
  [positives, task].flatMap((kind) => (kind === undefined ? [] : typeof kind === 'string' ? kind : kind.from));

function variantOf(
  { name, experiment, steps, flops, tokens, parameters }: ComparisonPlan['variants'][number],
  done: readonly DoneMember[],
): ComparedVariant {
  const own = done.filter(({ variant }) => variant === name);
  const { objectives } = experiment as { objectives: readonly ObjectiveKind[] };
  return {
    name,
    objectives: objectives.map(({ type }) => type),
    kinds: objectives.flatMap(kindsOf),
    steps,
    flops,
    tokens,
    seconds: own.length === 0 ? 0 : own.reduce((sum, { record }) => sum + record.seconds, 0) / own.length,
    parameters,
  };
}

const published = ({ deviation: _, losses: __, ...pair }: Pair): Omit<ComparedPair, 'probe'> => pair;

function notesOf(plan: ComparisonPlan, records: Records, probed: readonly ProbeTable[]): string[] {
  const count = plan.seeds.length;
  const notes = [
    count < 2
      ? 'There is one seed: nothing tells a difference from luck, and no test is made.'
      : `Intervals are over the ${count} seeds (Student's t). Pairs are tested seed by seed with the spread of all pairs together, or their own where it is larger, and corrected for all pairs of a probe (Holm). They speak of other seeds of the same training, measured on the same test examples.`,
    'Evaluations, checkpoints and probes are not part of the budget.',
  ];
  for (const { probe, results } of probed) {
    if (results.length === 0) continue;
    const reach = median(results.map(({ metrics }) => (metrics[probe.metric]!.high - metrics[probe.metric]!.low) / 2));
    const { examples } = results[0]!;
    notes.push(
      reach === 0
        ? `${probe.name}: ${examples} test examples, which come out alike: how far others would move a value the bootstrap cannot tell.`
        : `${probe.name}: ${examples} test examples; other examples of the same kind would move a single value by about ±${Number(reach.toPrecision(2))} (95 %, bootstrap).`,
    );
    const { corpus, training } = probe.leaks;
    const met = (count: number | undefined, where: string): string[] =>
      count === undefined ? [] : [`${count === 0 ? 'none' : count} ${count === 1 ? 'stands' : 'stand'} ${where}`];
    const leaks = [...met(corpus, 'in the pre-training text'), ...met(training, 'among those that the probe learns from')];
    if (leaks.length > 0) notes.push(`${probe.name}: of the test examples, ${leaks.join(', ')}.`);
  }
  const vocabularies = new Set(plan.variants.map(({ vocabulary }) => vocabulary));
  if (vocabularies.size > 1)
    notes.push(
      'The variants do not share one vocabulary: losses and perplexities of tokens cannot be compared between them. Set `tokenizer.from` to share one.',
    );
  plan.members.forEach(({ id }, i) => {
    const { state, message, code } = records[i]!;
    if (state === 'failed')
      notes.push(`${id} failed and is left out: ${message ?? ''}${code === 'diverged' ? ' It would diverge again.' : ''}`);
  });
  const open = records.filter(({ state }) => state === 'waiting' || state === 'running').length;
  if (open > 0) notes.push(`${open} of ${records.length} members are not done yet; all above may change.`);
  return notes;
}
