import { resolve } from 'node:path';
import { scientific } from '../compare/budget';
import { trainMember } from '../compare/member';
import { comparisonFolder, type ComparisonPlan } from '../compare/plan';
import { loadComparison } from '../compare/load';
import { writeReport } from '../compare/report';
import { rehearse, runComparison, type CompareEvents } from '../compare/run';
import type { ComparedMember, ComparisonReport } from '../shared/comparison-types';
import { formatCount } from '../shared/format';
import { grid, pageWidth, wrapped } from './text';

interface Options {
  readonly resume?: boolean;
  readonly dryRun?: boolean;
  readonly report?: boolean;
  readonly member?: string;
  /** Of the GPU for that member. */
  readonly deviceIndex?: number;
  readonly json?: boolean;
}

/** Compares experiments by what their models are good for. The exit code is 0 only when every member is done. */
export async function compareCommand(path: string, { resume, dryRun, report, member, deviceIndex, json }: Options): Promise<void> {
  const controller = new AbortController();
  // The first Ctrl-C stops every member after the step in hand, with a checkpoint; the second at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  const { signal } = controller;
  if (member !== undefined) {
    await trainMember(resolve(path), member, { signal, deviceIndex });
    return;
  }
  if (report) {
    show(writeReport(path.endsWith('.json') ? comparisonFolder(loadComparison(path)) : resolve(path)), json);
    return;
  }
  const events = json ? eventLines : progressLines();
  const options = { cli: [process.execPath, process.argv[1]!], signal, events };
  if (dryRun) {
    const { plan, files } = await rehearse(path, options);
    if (json) printEvent('plan', { plan, files: Object.fromEntries(files) });
    else process.stdout.write(`${planTable(plan)}\n\n${[...files].map(([name, text]) => `── ${name}\n${text}`).join('\n')}`);
    return;
  }
  show(await runComparison(path.endsWith('.json') ? path : resolve(path), { ...options, resume }), json);
}

function show(report: ComparisonReport, json = false): void {
  if (report.members.some(({ state }) => state !== 'done')) process.exitCode = 1;
  if (json) printEvent('report', report);
  else process.stdout.write(`\n${summary(report)}\n`);
}

const printEvent = (event: string, details: object): boolean => process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);

const eventLines: CompareEvents = {
  status: (message) => printEvent('status', { message }),
  planned: ({ folder, plan: { name, members, variants } }) =>
    printEvent('planned', { folder, name, members, variants: variants.map(({ experiment: _, ...variant }) => variant) }),
  member: (member) => printEvent('member', member),
  warning: (message) => printEvent('warning', { message }),
};

/** A line for every member that begins or ends. */
function progressLines(): CompareEvents {
  const say = (text: string): boolean => process.stdout.write(`${text}\n`);
  const states = new Map<string, string>();
  let [last, all] = ['', 0];
  return {
    status: (message) => message !== last && say((last = message)),
    planned: ({ folder, plan }) => {
      all = plan.members.length;
      say(`\n${planTable(plan)}\n${folder}\n`);
    },
    member: (member) => {
      const before = states.get(member.id) ?? 'waiting';
      states.set(member.id, member.state);
      if (member.state === before) return;
      const done = [...states.values()].filter((state) => state === 'done').length;
      say(
        `${member.id.padEnd(32)} ${member.state.padEnd(8)} ${done} of ${all} done${member.state === 'failed' ? `: ${member.message ?? ''}` : ''}`,
      );
    },
    warning: (message) => say(`Warning: ${message}`),
  };
}

const planTable = ({ variants, seeds }: ComparisonPlan): string =>
  grid([
    ['variant', 'steps', 'FLOP', 'tokens', 'parameters', 'members'],
    ...variants.map(({ name, steps, flops, tokens, parameters }) => [
      name,
      formatCount(steps),
      scientific(flops),
      formatCount(tokens),
      formatCount(parameters),
      String(seeds.length),
    ]),
  ]);

function summary({ recommendations, members, notes }: ComparisonReport): string {
  const lines = (text: string): string => wrapped(text, pageWidth() - 2).join('\n  ');
  const unfinished = members.filter(({ state }) => state !== 'done').map(describeMember);
  return [
    ...recommendations.map(({ probe, text }) => `${probe}\n  ${lines(text)}`),
    ...(unfinished.length > 0 ? [`Not done:\n  ${unfinished.join('\n  ')}`] : []),
    ...notes.map((note) => `- ${lines(note)}`),
  ].join('\n');
}

const describeMember = ({ id, state, message }: ComparedMember): string => [id, state, message].filter(Boolean).join('  ');
