import { INTERRUPTED } from '../shared/kernel-protocol';

/** What a cell says that is no TypeScript; lines and columns count from 1. */
export class CellSyntaxError extends Error {
  override readonly name = 'SyntaxError';

  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(message);
  }
}

/** A person interrupted the cell. */
export class Interrupted extends Error {
  override readonly name = INTERRUPTED;

  constructor() {
    super('The cell was interrupted.');
  }
}
