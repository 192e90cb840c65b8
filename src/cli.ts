import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { version } from '../package.json';
import { json, positive } from './cli/arguments';
import { benchCommand } from './cli/bench';
import { exportCommand } from './cli/export';
import { generateCommand } from './cli/generate';
import { graphCommand, parseShapes } from './cli/graph';
import { addInspection } from './cli/inspection';
import { objectivesCommand } from './cli/objectives';
import { reportError } from './cli/report';
import { runsCommand } from './cli/runs';
import { schemaCommand } from './cli/schema';
import { trainCommand } from './cli/train';
import { Preset } from './experiment/model';
import { ExportFormat } from './shared/types';

const presets = (text: string): Preset[] =>
  text.split(',').map((name) => {
    const { success, data } = Preset.safeParse(name);
    if (!success) throw new InvalidArgumentError(`There is no size "${name}"; there are ${Preset.options.join(', ')}.`);
    return data;
  });
const share = (text: string): number => {
  const value = Number(text);
  if (text === '' || !(value >= 0 && value < 1)) throw new InvalidArgumentError('It must be a number from 0 to below 1.');
  return value;
};
const finite = (text: string): number => {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
};

const program = new Command('objective-lab')
  .description('Pre-train language models and look at what they learned, with no editor.')
  .version(version)
  .exitOverride()
  .configureOutput({
    outputError: (text, write) =>
      write(
        `${text
          .replace(/^error: /, '')
          .trim()
          .replaceAll('\n', ' ')}\n`,
      ),
  });

program
  .command('train')
  .description('run an experiment, or several one after another')
  .argument('[experiments...]', 'experiment files, such as quickstart.lab.json, or folders of them')
  .option('--resume <run>', 'go on with a run that was stopped or interrupted: the folder of the run')
  .addOption(new Option('--steps <n>', "optimiser steps instead of the experiment's").argParser(positive))
  .addOption(new Option('--device <device>', 'where to train').choices(['auto', 'cpu', 'cuda', 'webgpu']))
  .addOption(new Option('--threads <n>', 'processor threads (default: as many as are fastest, by a short measurement)').argParser(positive))
  .option('--out <folder>', 'folder for runs (default: .objective-lab/runs beside the experiment)')
  .addOption(json())
  .action(trainCommand);

program
  .command('runs')
  .description('list runs, newest first')
  .argument('[folder]', 'the folder of an experiment, or a folder of runs', '.')
  .addOption(json())
  .action(runsCommand);

program
  .command('objectives')
  .description('list the objectives, or explain one with its options')
  .argument('[type]', 'one of them, such as mlm')
  .option('--markdown', 'as the page docs/objectives.md')
  .addOption(json())
  .action(objectivesCommand);

addInspection(program);

program
  .command('generate')
  .description('write text: go on from a beginning, or answer a text')
  .argument('<model>', 'a run of "clm" or "seq2seq"')
  .requiredOption('--text <text>', 'the beginning, or the text to read')
  .addOption(
    new Option('--beams <n>', 'texts that are kept in the search; 1 takes the likeliest token each time').argParser(positive).default(1),
  )
  .addOption(new Option('--tokens <n>', 'most tokens (default: as many as the model was trained to write)').argParser(positive))
  .addOption(
    new Option('--length-penalty <x>', 'exponent of the length by which log-probabilities are divided').argParser(finite).default(1),
  )
  .addOption(json())
  .action(generateCommand);

program
  .command('export')
  .description('write a trained model for other programs: transformers, sentence-transformers, transformers.js, ONNX Runtime')
  .argument('<run>', 'a run, one of its checkpoints, or a model folder')
  .argument('<folder>', 'where to write it; it must not exist yet, or be empty')
  .addOption(
    new Option('--format <format>', 'a Hugging Face folder, the ONNX file with its tokenizer, or the weights with theirs')
      .choices(ExportFormat.options)
      .default('hf'),
  )
  .addOption(json())
  .action(exportCommand);

program
  .command('graph')
  .description('write the training step of an experiment as an ONNX model, or print it')
  .argument('<experiment>', 'an experiment file, such as quickstart.lab.json, or an ONNX file to print')
  .option('--out <file>', 'where to write it, such as step.onnx')
  .option('--print', 'print it as a person would write it')
  .addOption(new Option('--shape <shapes>', 'shapes that an ONNX file leaves open, such as input_ids=2x8').argParser(parseShapes))
  .option(
    '--objectives <types>',
    "where steps differ, the objectives of the one to write, such as mlm+contrastive (default: the first step's)",
  )
  .action(graphCommand);

program
  .command('bench')
  .description('time training steps against the matrix products that they are made of')
  .addOption(new Option('--preset <names>', 'sizes, with commas').argParser(presets).default(['tiny', 'mini', 'small'], 'tiny,mini,small'))
  .addOption(new Option('--threads <n>', 'processor threads').argParser(positive).default(1))
  .addOption(new Option('--seconds <n>', 'how long each row is measured').argParser(positive).default(20))
  .addOption(new Option('--dropout <p>', 'dropout of the models').argParser(share).default(0.1))
  .addOption(new Option('--row <json>').hideHelp())
  .addOption(json())
  .action(benchCommand);

program.command('schema', { hidden: true }).description('the JSON Schema of experiment files').action(schemaCommand);

/** 0 for success, 2 for a mistake of the caller's (one clear line), 1 for anything else. */
async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return reportError(error);
  }
}

// A reader that closes the pipe early (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
void main().then((code) => (process.exitCode = code));
