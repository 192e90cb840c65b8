import { type Command, Option } from 'commander';
import { Projection, Unit } from '../shared/types';
import { json, natural, positive } from './arguments';
import { batchCommand } from './batch';
import { geometryCommand, mapCommand, neighboursCommand, similarityCommand } from './units';
import { attentionCommand, maskCommand, surprisalCommand } from './words';

const unit = (): Option => new Option('--unit <unit>', 'what a part is').choices(Unit.options).default('sentence');
const MODEL = 'a run, one of its checkpoints, or a model folder';

/** The commands that look at a model and change nothing: what the inspector shows, on a terminal. */
export function addInspection(program: Command): void {
  program
    .command('mask')
    .description('predict the [MASK]s of a text')
    .argument('<model>', MODEL)
    .requiredOption('--text <text>', 'a text with one [MASK] or more')
    .addOption(new Option('--top <n>', 'candidates for each').argParser(positive).default(5))
    .addOption(json())
    .action(maskCommand);

  program
    .command('surprisal')
    .description('how unexpected each word of a file is, and the pseudo-perplexity of all')
    .argument('<model>', MODEL)
    .argument('<file>', 'a text file')
    .option('--quick', 'hide several words at a time: an estimate at a fraction of the work')
    .addOption(json())
    .action(surprisalCommand);

  program
    .command('attention')
    .description('what a token looks at, in one head')
    .argument('<model>', MODEL)
    .requiredOption('--text <text>', 'the text')
    .addOption(new Option('--token <n>', 'number of the token in the text, from 1').argParser(positive).default(1))
    .addOption(new Option('--layer <n>', 'from 1').argParser(positive).default(1))
    .addOption(new Option('--head <n>', 'from 1').argParser(positive).default(1))
    .addOption(json())
    .action(attentionCommand);

  program
    .command('batch')
    .description('show what a run trains on in a step: inputs, targets, positives and negatives, and the loss of each')
    .argument('<run>', 'a run, or one of its checkpoints')
    .addOption(new Option('--step <n>', 'from 0 (default: the step after the checkpoint)').argParser(natural))
    .option('--objective <type>', "one of the run's, such as contrastive (default: its first)")
    .addOption(json())
    .action(batchCommand);

  program
    .command('similarity')
    .description('cosine similarities between the parts of a text')
    .argument('<model>', MODEL)
    .argument('<file>', 'a text file')
    .addOption(unit())
    .addOption(json())
    .action(similarityCommand);

  program
    .command('geometry')
    .description('alignment and uniformity of the parts of a text')
    .argument('<model>', MODEL)
    .argument('<file>', 'a text file')
    .addOption(unit())
    .addOption(json())
    .action(geometryCommand);

  program
    .command('map')
    .description('place the parts of a text in the plane')
    .argument('<model>', MODEL)
    .argument('<file>', 'a text file')
    .addOption(unit())
    .addOption(new Option('--projection <name>', 'how').choices(Projection.options).default('umap'))
    .addOption(json())
    .action(mapCommand);

  program
    .command('neighbours')
    .description("find the sentences of a folder's text files that are most like a text")
    .argument('<model>', MODEL)
    .requiredOption('--text <text>', 'the text')
    .addOption(new Option('--root <folder>', 'where to look').default('.'))
    .addOption(new Option('--top <n>', 'how many').argParser(positive).default(10))
    .addOption(json())
    .action(neighboursCommand);
}
