import type { Option } from '../experiment/options';
import { objectCode, type DescribedObjective } from './describe';

/** All objectives as the page docs/objectives.md. */
export const objectivesPage = (described: readonly DescribedObjective[]): string => `# Objectives

<!-- Written by "objective-lab objectives --markdown" from src/objectives; a test holds it up to date. -->

What a model can be asked to learn. An experiment names one of these or several; \`{ "type": "mlm" }\` is enough, for what is not required has
a default. How several share the steps is told in [combinations.md](combinations.md), which files they read in [data.md](data.md), and what
each reaches on its own against its trivial baseline in [results.md](results.md).

${described.map(({ type, title, description }) => `- [\`${type}\`](#${type}) ${escaped(`${title}. ${description}`)}`).join('\n')}

${described.map(section).join('\n\n')}
`;

const section = ({ type, title, description, needs, goodFor, metrics, options, papers }: DescribedObjective): string => `## ${type}

**${title}.** ${escaped(description)}

- Needs: ${escaped(needs)}
- Good for: ${escaped(goodFor)}

Measured on held-out text, beside the loss:

${Object.entries(metrics)
  .map(([name, words]) => `- \`${type}.${name}\`: ${escaped(words)}`)
  .join('\n')}

Options:

${optionLines(options).join('\n')}

Papers:

${papers.map((paper) => `- ${linked(escaped(paper))}`).join('\n')}`;

const optionLines = (options: readonly Option[]): string[] =>
  options.flatMap(({ name, allowed, required, description, choices = [], objects = [] }) => [
    `- \`${name}\`: ${escaped(allowed)}. ${required ? 'Required. ' : ''}${escaped(description)}`,
    ...nested(choices.map((choice) => `- \`${JSON.stringify(choice.value)}\`: ${escaped(choice.description)}`)),
    ...nested(
      objects.flatMap((object) => [
        `- \`${objectCode(object)}\`${object.description === undefined ? '' : `: ${escaped(object.description)}`}`,
        ...nested(optionLines(object.options)),
      ]),
    ),
  ]);

const nested = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** Characters that Markdown would read as markup. */
const escaped = (text: string): string => text.replace(/[*_<>|]/g, '\\$&');

const linked = (text: string): string => text.replace(/arXiv (\d{4}\.\d{5})/g, '[arXiv $1](https://arxiv.org/abs/$1)');
