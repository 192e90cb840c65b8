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
export const pathArgument = (path: string): string => (path.startsWith('-') ? `./${path}` : path);
