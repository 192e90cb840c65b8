import type { Option } from '../experiment/options';
import { UserError } from '../shared/errors';
import { describedObjectives, objectCode, type DescribedObjective } from './describe';
import { objectivesPage } from './objectives-page';
import { pageWidth, wrapped } from './text';

/** Lists every objective, or explains one with its options. */
export function objectivesCommand(type: string | undefined, { json, markdown }: { json?: boolean; markdown?: boolean }): void {
  const all = describedObjectives();
  const chosen = type === undefined ? all : all.filter((objective) => objective.type === type);
  if (chosen.length === 0) {
    const types = all.map((objective) => objective.type).join(', ');
    throw new UserError(`There is no objective "${type ?? ''}".`, `There are ${types}.`, 'objective');
  }
  if (json) process.stdout.write(`${JSON.stringify({ objectives: chosen }, null, 2)}\n`);
  else if (markdown) process.stdout.write(objectivesPage(all));
  else process.stdout.write(`${listing(chosen, { width: pageWidth(), withOptions: type !== undefined })}\n`);
}

/** The objectives for a terminal, in lines of at most `width` characters. */
export function listing(described: readonly DescribedObjective[], { width, withOptions }: { width: number; withOptions: boolean }): string {
  const indent = Math.max(...described.map(({ type }) => type.length)) + 2;
  const room = width - indent;
  const parts = described.map(({ type, title, description, needs, goodFor, metrics, papers, options }) => {
    const measures = Object.entries(metrics).map(([name, words]) => `${name}: ${words}`);
    const names = options.map(({ name }) => name).join(', ');
    const lines = [
      ...wrapped(description, room),
      ...field('needs', [needs], room),
      ...field('good for', [goodFor], room),
      ...field('measures', measures, room),
      ...field('papers', papers, room),
      ...(withOptions ? ['options', ...indented(optionLines(options, room - 2), 2)] : field('options', [names], room)),
    ];
    return [`${type.padEnd(indent)}${title}`, ...indented(lines, indent)].join('\n');
  });
  const more = withOptions ? [] : ['The options of one are explained by: objective-lab objectives TYPE'];
  return [...parts, ...more].join('\n\n');
}

const LABEL = 10;

/** A label in a column of its own, beside its paragraphs; of several, each hangs, so that one sees where it begins. */
function field(label: string, paragraphs: readonly string[], width: number): string[] {
  const shaped = paragraphs.length > 1 ? hanging : wrapped;
  const lines = paragraphs.flatMap((paragraph) => shaped(paragraph, width - LABEL));
  return lines.map((line, i) => `${(i === 0 ? label : '').padEnd(LABEL)}${line}`);
}

function optionLines(options: readonly Option[], width: number): string[] {
  return options.flatMap(({ name, allowed, description, choices = [], objects = [] }) => [
    ...hanging(`${name}: ${allowed}`, width),
    ...indented(
      [
        ...wrapped(description, width - 4),
        ...choices.flatMap((choice) => hanging(`${JSON.stringify(choice.value)}: ${choice.description}`, width - 4)),
        ...objects.flatMap((object) => [
          ...hanging([objectCode(object), object.description].filter(Boolean).join(' '), width - 4),
          ...indented(optionLines(object.options, width - 6), 2),
        ]),
      ],
      4,
    ),
  ]);
}

const indented = (lines: readonly string[], by: number): string[] => lines.map((line) => `${' '.repeat(by)}${line}`);

/** A paragraph in lines, all but the first indented. */
const hanging = (text: string, width: number): string[] => wrapped(text, width - 2).map((line, i) => (i === 0 ? line : `  ${line}`));
