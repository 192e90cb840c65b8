/**
 * A mistake that a person can mend: names the thing, what is wrong with it and the way out. The command line exits with 2 for it, the editor shows
 * it as a message; anything else is a defect of ours.
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  /**
   * @param message one sentence that names the file, the field or the device, and what is wrong
   * @param hint what to do about it
   * @param code for programs, such as `experiment`, `corpus`, `run`, `device`, `disk`
   */
  constructor(
    message: string,
    readonly hint?: string,
    readonly code = 'user',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What the operating system says of a failed write, in words that name the way out; any other error as it is. */
export function diskError(path: string, error: unknown): unknown {
  const cause = { cause: error };
  switch ((error as { code?: unknown } | undefined)?.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError(
        `The disk is full: ${path} could not be written.`,
        'Free some space; what was written before is intact.',
        'disk',
        cause,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UserError(
        `${path} cannot be written.`,
        'Give yourself write permission, or choose another folder for runs.',
        'disk',
        cause,
      );
    case 'EIO':
      return new UserError(
        `The disk reports an error: ${path} could not be written.`,
        'Check the disk, or choose another folder for runs.',
        'disk',
        cause,
      );
    case 'EEXIST':
    case 'ENOTDIR':
      return new UserError(`${path} cannot be made: a file stands where a folder should be.`, 'Move that file away.', 'disk', cause);
    case 'ENOENT':
      return new UserError(
        `${path} cannot be written: its folder is gone.`,
        'It was removed or renamed while it was in use: put it back.',
        'disk',
        cause,
      );
    default:
      return error;
  }
}
