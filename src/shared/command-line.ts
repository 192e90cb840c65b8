import type { Projection, Unit } from './types';

/** The words that a POSIX shell leaves as they are. A leading `=` or `~` is not among them: zsh and others expand those. */
const PLAIN = /^[\w@%+:,./-][\w@%+=:,./-]*$/;

/**
 * The line that runs a command with exactly these arguments in a POSIX shell. Nothing in single quotes is expanded, not even `!` in an interactive
 * shell.
 */
export function commandLine(args: readonly string[]): string {
  return args.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)).join(' ');
}

/** A path as an argument: one that begins with a dash would be taken for an option. */
const pathArgument = (path: string): string => (path.startsWith('-') ? `./${path}` : path);

/** The arguments of a command of ours that reads a file's units through a model. */
function unitsCommand(command: string, model: string, file: string, unit: Unit, ...options: readonly string[]): string[] {
  return ['objective-lab', command, pathArgument(model), pathArgument(file), '--unit', unit, ...options];
}

export const similarityCommand = (model: string, file: string, unit: Unit): string[] => unitsCommand('similarity', model, file, unit);
export const geometryCommand = (model: string, file: string, unit: Unit): string[] => unitsCommand('geometry', model, file, unit);
export const mapCommand = (model: string, file: string, unit: Unit, projection: Projection): string[] =>
  unitsCommand('map', model, file, unit, '--projection', projection);

/** `--text=` takes also a text that begins with a dash. */
const textOption = (text: string): string[] => (text.startsWith('-') ? [`--text=${text}`] : ['--text', text]);

/** @param text with `[MASK]` where something is to be predicted */
export const maskCommand = (model: string, text: string): string[] => ['objective-lab', 'mask', pathArgument(model), ...textOption(text)];

/** Token, layer and head count from 0 here, and from 1 in a terminal. */
export const attentionCommand = (model: string, text: string, token: number, layer: number, head: number): string[] => [
  ...['objective-lab', 'attention', pathArgument(model), ...textOption(text)],
  ...Object.entries({ token, layer, head }).flatMap(([name, number]) => [`--${name}`, String(number + 1)]),
];

export const batchCommand = (model: string, step: number, objective: string): string[] => [
  ...['objective-lab', 'batch', pathArgument(model), '--step', String(step), '--objective', objective],
];

/** Neighbours in the files of the folder that the command runs in. */
export const neighboursCommand = (model: string, text: string): string[] => [
  'objective-lab',
  'neighbours',
  pathArgument(model),
  ...textOption(text),
  '--root',
  '.',
];

/** @param comparison the folder of one that has begun */
export const compareCommand = (comparison: string, option: '--resume' | '--report'): string[] => [
  ...['objective-lab', 'compare', pathArgument(comparison), option],
];
