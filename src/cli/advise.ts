import { resolve } from 'node:path';
import { advise } from '../compare/advisor';
import { reportOf } from '../compare/report';
import type { Advice, DataShape, Task } from '../shared/comparison-types';
import { measurement } from '../shared/comparison-words';
import { pageWidth, wrapped } from './text';

interface Options extends DataShape {
  readonly report?: string;
  readonly json?: boolean;
}

/** Which objectives suit a task, by what papers found, and by what a comparison measured. */
export function adviseCommand(task: Task, { report, json, ...data }: Options): void {
  const advice = advise(task, data, report === undefined ? [] : [reportOf(resolve(report))]);
  if (json) process.stdout.write(`${JSON.stringify({ task, advice })}\n`);
  else process.stdout.write(`${advice.map(described).join('\n\n')}\n\n${wrapped(CAUTION, pageWidth()).join('\n')}\n`);
}

const CAUTION =
  'This is what papers found, most of them with larger models and more text. `objective-lab compare` measures what holds for yours.';

function described({ title, objectives, reason, caution, papers, admissible, why, measured = [] }: Advice, index: number): string {
  const line = (text: string): string => `   ${wrapped(text, pageWidth() - 3).join('\n   ')}`;
  return [
    `${index + 1}. ${title} (${objectives.join(' + ')})${admissible ? '' : ': not with this data'}`,
    ...(why === undefined ? [] : [line(why)]),
    line(reason),
    ...(caution === undefined ? [] : [line(`But: ${caution}`)]),
    ...papers.map(line),
    ...measured.map((each) => line(`Measured: ${measurement(each)}`)),
  ].join('\n');
}
