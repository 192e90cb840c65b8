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
