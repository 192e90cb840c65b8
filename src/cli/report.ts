import { UserError } from '../shared/errors';

/** Says on stderr what went wrong: a mistake of the caller's in one clear line, a defect of ours with its stack. @returns the exit code */
export function reportError(error: unknown): 1 | 2 {
  if (error instanceof UserError) {
    process.stderr.write(`objective-lab: ${oneLine(error)}\n`);
    return 2;
  }
  process.stderr.write(`objective-lab: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}

/** What a mistake is and the way out of it; of several problems the first. */
export function oneLine({ message, hint }: UserError): string {
  const [first, ...others] = message.split('\n');
  return [first, others.length > 0 && `(and ${others.length} more like it)`, hint].filter(Boolean).join(' ');
}
