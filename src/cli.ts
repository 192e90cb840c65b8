import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { version } from '../package.json';
import { similarityCommand, maskCommand } from './cli/inspect';
import { schemaCommand } from './cli/schema';
import { trainCommand } from './cli/train';
import { UserError } from './shared/errors';

const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return value;
};
const json = (): Option => new Option('--json', 'machine-readable output');

const program = new Command('objective-lab')
  .description('Pre-train language models and look at what they learned, with no editor.')
  .version(version)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, '')) });

program
  .command('train')
  .description('run an experiment')
  .argument('<experiment>', 'an experiment file, such as quickstart.lab.json')
  .addOption(new Option('--steps <n>', "optimiser steps instead of the experiment's").argParser(positive))
  .addOption(new Option('--device <device>', 'where to train').choices(['auto', 'cpu', 'cuda', 'webgpu']))
  .option('--out <folder>', 'folder for runs (default: .objective-lab/runs beside the experiment)')
  .addOption(json())
  .action(trainCommand);

program
  .command('mask')
  .description('predict the [MASK]s of a text')
  .argument('<model>', 'a run, or a model folder')
  .requiredOption('--text <text>', 'a text with one [MASK] or more')
  .addOption(new Option('--top <n>', 'candidates for each').argParser(positive).default(5))
  .addOption(json())
  .action(maskCommand);

program
  .command('similarity')
  .description('cosine similarities between the parts of a text')
  .argument('<model>', 'a run, or a model folder')
  .argument('<file>', 'a text file')
  .addOption(new Option('--unit <unit>', 'what a part is').choices(['sentence', 'line', 'paragraph']).default('sentence'))
  .addOption(json())
  .action(similarityCommand);

program.command('schema', { hidden: true }).description('the JSON Schema of experiment files').action(schemaCommand);

/** 0 for success, 2 for a mistake of the caller's (one clear line), 1 for anything else. */
async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof UserError) {
      const [first, ...others] = error.message.split('\n');
      const parts = [first, others.length > 0 && `(and ${others.length} more like it)`, error.hint].filter(Boolean);
      process.stderr.write(`objective-lab: ${parts.join(' ')}\n`);
      return 2;
    }
    process.stderr.write(`objective-lab: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  }
}

// A reader that closes the pipe early (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
void main().then((code) => (process.exitCode = code));
