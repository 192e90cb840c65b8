import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { version } from '../package.json';
import { adviseCommand } from './cli/advise';
import { json, natural, positive } from './cli/arguments';
import { benchCommand } from './cli/bench';
import { benchGpuCommand } from './cli/bench-gpu';
import { bundleCommand, parseSize } from './cli/bundle';
import { compareCommand } from './cli/compare';
import { doctorCommand } from './cli/doctor';
import { exportCommand } from './cli/export';
import { generateCommand } from './cli/generate';
import { graphCommand, parseShapes } from './cli/graph';
import { addInspection } from './cli/inspection';
import { notebookCommand } from './cli/notebook';
import { objectivesCommand } from './cli/objectives';
import { probeCommand } from './cli/probe';
import { reportError } from './cli/report';
import { runsCommand } from './cli/runs';
import { schemaCommand } from './cli/schema';
import { setUpCudaCommand } from './cli/setup-cuda';
import { trainCommand } from './cli/train';
import { Preset } from './experiment/model';
import { Task } from './shared/comparison-types';
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
  .addOption(new Option('--device-index <n>', 'which of several NVIDIA graphics cards CUDA uses, from 0').argParser(natural))
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
  .command('compare')
  .description('train variants of an experiment at equal cost, measure them by downstream tasks, and say which is best for which')
  .argument('<comparison>', 'a comparison file, such as objectives.compare.json, or the folder of one that has begun')
  .option('--resume', 'go on with a comparison that has begun, as it was planned; what is done is not done again')
  .option('--dry-run', 'show what would be done, and what would be started where')
  .option('--report', 'only write the report of what is done so far')
  .addOption(new Option('--member <id>').hideHelp())
  .addOption(new Option('--device-index <n>').argParser(natural).hideHelp())
  .addOption(json())
  .action(compareCommand);

program
  .command('advise')
  .description('say which objectives suit a downstream task, with reasons and papers, before anything is measured')
  .addArgument(new Argument('<task>', 'what the model is for').choices(Task.options))
  .option('--documents', 'the text is documents of several sentences in their order')
  .option('--no-documents', 'it is not')
  .option('--pairs', 'there is a file of texts that belong together')
  .option('--no-pairs', 'there is none')
  .option('--short', 'most texts are a sentence or less')
  .option('--report <folder>', 'the folder of a comparison, whose ranks are put beside')
  .addOption(json())
  .action(adviseCommand);

program
  .command('objectives')
  .description('list the objectives, or explain one with its options')
  .argument('[type]', 'one of them, such as mlm')
  .option('--markdown', 'as the page docs/objectives.md')
  .addOption(json())
  .action(objectivesCommand);

program
  .command('probe')
  .description('measure a model by downstream tasks, each with its 95 % interval')
  .argument('<model>', 'a run (its newest checkpoint), a checkpoint, or a model folder')
  .argument('[probes...]', "names of the experiment's own probes, JSON files, or JSON (default: all of the experiment's own)")
  .addOption(json())
  .action(probeCommand);

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
  .command('notebook')
  .description('run the cells of a notebook in TypeScript, in order')
  .argument('<file>', 'an .ipynb file')
  .option('--out <file>', 'where to write it with its outputs; it may be the same file (default: it is not written)')
  .option('--runs <folder>', 'folder for runs (default: .objective-lab/runs beside the notebook)')
  .action(notebookCommand);

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

program
  .command('bench-gpu')
  .description('measure training on a GPU, unattended and within eight minutes: see bench/gpu/README.md')
  .addOption(
    new Option('--device <device>', 'cpu does a little of everything, to see that it works').choices(['cuda', 'cpu']).default('cuda'),
  )
  .addOption(new Option('--preset <names>', 'sizes, with commas (default: base,small,mini; on the CPU tiny)').argParser(presets))
  .addOption(new Option('--batch <n>', 'sequences of a step (default: by the memory of the GPU)').argParser(positive))
  .addOption(new Option('--dropout <p>', 'dropout of the models').argParser(share).default(0))
  .addOption(new Option('--seconds <n>', 'when it ends, whatever is left to do (default: 470; on the CPU 55)').argParser(positive))
  .addOption(new Option('--peak <tflops>', 'what MFU is computed by, for a card whose peaks are not known').argParser(positive))
  .option('--python <program>', 'a Python that may have PyTorch', 'python3')
  .option('--twin <file>', "PyTorch's part: bench/peers/pytorch/contender.py")
  .option('--out <file>', 'where to write all numbers as JSON, after each part', 'bench-gpu.json')
  .addOption(new Option('--part <json>').hideHelp())
  .addOption(json())
  .action(benchGpuCommand);

program
  .command('doctor')
  .description('say what this machine has for training, and what mends each thing that is missing')
  .addOption(new Option('--attempt <provider>').choices(['cpu', 'cuda', 'webgpu']).hideHelp())
  .addOption(json())
  .action(doctorCommand);

program
  .command('setup-cuda')
  .description('put the CUDA provider beside the runtime and try it; unless it works, all is as before')
  .option('--from <path>', 'a folder with its two libraries, or a package (.tgz) that holds them')
  .option('--download', "let the runtime's own installer fetch the one for CUDA 12, up to 250 MB")
  .option('--undo', 'take it away again')
  .option('--keep', 'leave it there although it does not work on this machine, such as for an image')
  .addOption(json())
  .action(setUpCudaCommand);

program
  .command('bundle')
  .description('write a folder that runs on machines of this platform with nothing installed: Node, this program, the runtime')
  .argument('<folder>', 'where to write it; it must not exist yet, or be empty')
  .addOption(new Option('--part-size <size>', 'split files that are larger, such as 60M; they join on first use').argParser(parseSize))
  .option('--cuda <folder>', 'take the CUDA provider along, from the folder that holds its two libraries')
  .addOption(json())
  .action(bundleCommand);

program
  .command('schema', { hidden: true })
  .description('the JSON Schema of experiment files, or of comparisons')
  .addArgument(new Argument('[kind]').choices(['experiment', 'comparison']).default('experiment'))
  .action(schemaCommand);

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
