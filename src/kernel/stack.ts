import type { SourceMap } from 'node:module';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { UserError } from '../shared/errors';
import type { CellError } from '../shared/kernel-protocol';
import { CellSyntaxError } from './errors';

/** Frames that a stack shows. */
const MOST_FRAMES = 20;

/** The scripts of a session's cells, as stack traces name them, and the way back to what a person wrote. */
export class CellPlaces {
  readonly #cells = new Map<number, { map: SourceMap; lines: number }>();

  /** @param folder from which cells import */
  constructor(private readonly folder: string) {}

  /** The file that a cell is run as. It is not there; imports are resolved from where it would be. */
  fileOf(count: number): string {
    return join(this.folder, `cell[${count}]`);
  }

  /** @param lines of the script: what stands below them is not the person's */
  add(count: number, map: SourceMap, lines: number): void {
    this.#cells.set(count, { map, lines });
  }

  /**
   * Makes the stacks of all errors point at cells and lines, so that what a cell catches and writes itself (`console.error(error)`) says the same as what
   * it does not catch. A stack that no cell is part of stays as Node writes it.
   */
  install(): void {
    // Frames of the engine are between those of cells, and are not shown.
    Error.stackTraceLimit = 60;
    Error.prepareStackTrace = (error, sites) => {
      const frames = sites.map((site) => `    at ${(site as { toString(): string }).toString()}`);
      const shown = frames.some((frame) => this.#isOfCell(frame)) ? this.#shown(frames) : frames;
      return [headline(error), ...shown].join('\n');
    };
  }

  /** What the compiler of the runtime objects to and that of TypeScript does not, such as an `await` in a function that is not `async`. */
  syntaxError(error: unknown, count: number): unknown {
    if (!(error instanceof SyntaxError)) return error;
    const [, line, arrow] = /^.*cell\[\d+\]:(\d+)\n.*\n( *)\^/.exec(error.stack ?? '') ?? [];
    const known = line === undefined ? undefined : this.#original(count, Number(line), arrow!.length + 1);
    return known ? new CellSyntaxError(`${error.message}.`, known.line, known.column) : error;
  }

  /** An error with a stack that points at cells and lines, and without the frames between them that are ours or Node's. Never throws. */
  describe(error: unknown, count: number): CellError {
    try {
      return this.#describe(error, count, new Set());
    } catch {
      // What a cell throws may be such that even to look at it throws.
      const message = 'Something was thrown that cannot be looked at.';
      return { name: 'Thrown', message, stack: message };
    }
  }

  /** @param told those that lead to this one: an error may be its own cause */
  #describe(error: unknown, count: number, told: Set<unknown>): CellError {
    if (error instanceof CellSyntaxError) {
      const place = `cell [${count}], line ${error.line}, column ${error.column}`;
      return { name: error.name, message: error.message, stack: `${error.name}: ${error.message}\n    at ${place}` };
    }
    if (!(error instanceof Error)) {
      const shown = typeof error === 'string' ? error : inspect(error, { breakLength: Infinity, maxStringLength: 1000 });
      const message = `${shown} was thrown, which is no error.`;
      return { name: 'Thrown', message, stack: message };
    }
    told.add(error);
    const { name } = error;
    const message = error instanceof UserError && error.hint !== undefined ? `${error.message} ${error.hint}` : error.message;
    const stack = error.stack ?? '';
    // A file that is no JavaScript stands above the stack, with its line.
    const [, file] = (error instanceof SyntaxError ? /^(.+:\d+)\n.*\n *\^/.exec(stack) : null) ?? [];
    const frames = this.#shown([...(file ? [`    at ${file}`] : []), ...stack.split('\n').filter((line) => /^\s+at /.test(line))]);
    const behind = (other: unknown, what: string): string[] =>
      other instanceof Error && !told.has(other) ? [`${what} ${this.#describe(other, count, told).stack}`] : [];
    const causes = error instanceof UserError ? [] : behind(error.cause, 'Caused by');
    const several = error instanceof AggregateError ? error.errors.flatMap((each) => behind(each, 'One of them is')) : [];
    return { name, message, stack: [`${name}: ${message}`, ...frames, ...causes, ...several].join('\n') };
  }

  /** Frames of the person's own code. */
  #shown(frames: readonly string[]): string[] {
    const own = frames.map((frame) => this.#mapped(frame)).filter((frame) => frame !== undefined && isOfPerson(frame));
    return (own as string[]).slice(0, MOST_FRAMES);
  }

  #isOfCell(frame: string): boolean {
    return frame.includes(join(this.folder, 'cell['));
  }

  /** A place of a cell's script as a person wrote it; undefined in the frame around it. */
  #original(count: number, line: number, column: number): { readonly line: number; readonly column: number } | undefined {
    const cell = this.#cells.get(count);
    if (!cell || line > cell.lines) return undefined;
    const { originalLine, originalColumn } = cell.map.findEntry(line - 1, column - 1) as { originalLine?: number; originalColumn?: number };
    return { line: (originalLine ?? line - 1) + 1, column: (originalColumn ?? column - 1) + 1 };
  }

  /** `at f (…/cell[3]:12:5)` as `at f (cell [3], line 2, column 5)`; undefined for the frame around a cell. */
  #mapped(frame: string): string | undefined {
    const found = /cell\[(\d+)\]:(\d+):(\d+)/.exec(frame);
    if (!this.#isOfCell(frame) || !found) return frame;
    const [, count, line, column] = found.map(Number) as [number, number, number, number];
    const known = this.#original(count, line, column);
    if (!known) return undefined;
    const start = frame.slice(0, frame.indexOf(join(this.folder, 'cell['))).replace('file://', '');
    return `${start}cell [${count}], line ${known.line}, column ${known.column}${frame.endsWith(')') ? ')' : ''}`;
  }
}

function headline(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return 'Error';
  }
}

/** Whether a frame is of the person's own code: not of this program, whose file this is, and not of Node. */
const isOfPerson = (frame: string): boolean => !frame.includes('node:') && !frame.includes(__filename) && !frame.includes('<anonymous>');
