import type { ComparedPair, ComparedProbe, ComparisonReport } from '../shared/comparison-types';
import { formatCount, formatDuration } from '../shared/format';
import { scientific } from './budget';
import { interval } from './charts';
import { gap, LEVEL } from '../shared/comparison-words';

/** A report as a page. @param pictures file names of the pictures beside it, by what they are called */
export function markdownOf(report: ComparisonReport, pictures: ReadonlyMap<string, string>): string {
  const { name, budget, seeds, device, command, createdAt, notes, members } = report;
  const done = members.filter(({ state }) => state === 'done').length;
  return [
    `# ${escaped(name)}`,
    `${budget}; ${seeds.length === 1 ? `seed ${seeds[0]!}` : `seeds ${seeds.join(', ')}`}; ${done} of ${members.length} members done. Begun ${createdAt.slice(0, 10)} with \`${command}\`, on ${escaped(device)}.`,
    '## Which to choose',
    ...report.recommendations
      .map(({ probe, text }) => `- **${escaped(probe)}**: ${escaped(text)}`)
      .join('\n')
      .split('\0'),
    '## Results',
    'Means over the seeds with 95 % intervals; the best of each task is in bold, the rank in brackets.',
    resultTable(report),
    ...[...pictures].map(([title, file]) => `![${escaped(title)}](${file})`),
    '## Differences',
    `p by a paired test over the seeds, corrected for all pairs of the task; differences that are told apart (p below ${LEVEL}) are in bold.`,
    ...report.probes.map((probe) => pairTable(report, probe)).filter((table) => table !== ''),
    '## Cost',
    costTable(report),
    '## What to know',
    [...notes, ...emptyCells(report)].map((note) => `- ${escaped(note)}`).join('\n'),
    '',
  ].join('\n\n');
}

function resultTable({ variants, probes, cells }: ComparisonReport): string {
  const header = [
    'variant',
    ...probes.map(({ name, metric, better }) => `${escaped(name)}<br>${metric}${better === 'lower' ? ' (lower is better)' : ''}`),
  ];
  const rows = variants.map(({ name }) => [
    escaped(name),
    ...probes.map((probe) => {
      const { result, rank } = cells.find((cell) => cell.variant === name && cell.probe === probe.name)!;
      if (!result) return '–';
      const text = result.values.length > 1 ? interval(result, probe) : interval(result, probe).replace(/ \(.*/, ' (one seed)');
      if (rank === undefined) return text;
      return rank === 1 ? `**${text}** [1]` : `${text} [${rank}]`;
    }),
  ]);
  const floors = probes.some(({ floor }) => floor)
    ? [
        [
          '*without a model*',
          ...probes.map((probe) =>
            probe.floor
              ? `${interval({ mean: probe.floor.value, low: 0, high: 0 }, probe).replace(/ \(.*/, '')} (${escaped(probe.floor.by)})`
              : '–',
          ),
        ],
      ]
    : [];
  return table([header, ...rows, ...floors]);
}

function pairTable({ pairs }: ComparisonReport, probe: ComparedProbe): string {
  const own = pairs
    .filter((pair) => pair.probe === probe.name && pair.seeds > 1)
    .map(favoured)
    .sort((a, b) => a.adjusted - b.adjusted || a.p - b.p);
  if (own.length === 0) return '';
  const flips = own.some(({ permutation }) => permutation !== undefined);
  const rows = own.map(({ a, b, difference, high, wins, seeds, p, adjusted, permutation }) => {
    const by = gap(difference, high - difference, probe);
    return [
      escaped(a),
      escaped(b),
      adjusted < LEVEL ? `**${by}**` : by,
      `${wins} of ${seeds}`,
      pValue(p),
      pValue(adjusted),
      ...(flips ? [permutation === undefined ? '–' : pValue(permutation)] : []),
    ];
  });
  return `**${escaped(probe.name)}**\n\n${table([['better', 'than', 'by', 'seeds ahead', 'p', 'p corrected', ...(flips ? ['p of sign flips'] : [])], ...rows])}`;
}

/** The better one first. */
const favoured = (pair: ComparedPair): ComparedPair =>
  pair.difference >= 0
    ? pair
    : { ...pair, a: pair.b, b: pair.a, difference: -pair.difference, low: -pair.high, high: -pair.low, wins: pair.seeds - pair.wins };

const pValue = (p: number): string => (p < 0.001 ? '<0.001' : p.toFixed(3));

const costTable = ({ variants }: ComparisonReport): string =>
  table([
    ['variant', 'objectives', 'parameters', 'steps', 'FLOP', 'tokens', 'seconds of steps'],
    ...variants.map(({ name, objectives, parameters, steps, flops, tokens, seconds }) => [
      escaped(name),
      objectives.join(' + '),
      formatCount(parameters),
      formatCount(steps),
      scientific(flops),
      formatCount(tokens),
      seconds > 0 ? formatDuration(seconds) : '–',
    ]),
  ]);

const emptyCells = ({ cells }: ComparisonReport): string[] =>
  cells.flatMap(({ variant, probe, why }) => (why === undefined ? [] : [`No value of ${variant} on ${probe}: ${why}`]));

const table = ([header, ...rows]: readonly (readonly string[])[]): string =>
  [header!, header!.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** Names come from files: they are text, not markup. */
const escaped = (text: string): string => text.replace(/[\\|*_`<>[\]]/g, (character) => `\\${character}`).replace(/\s+/g, ' ');
