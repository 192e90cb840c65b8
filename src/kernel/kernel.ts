import { createRequire } from 'node:module';
import { join } from 'node:path';
import { inspect } from 'node:util';
import vm from 'node:vm';
import { bundleOf } from '../lab/display';
import { createLab } from '../lab/lab';
import type { Ended, Output } from '../shared/kernel-protocol';
import { compileCell } from './compile';
import { Interrupted } from './errors';
import { CHECK, WAIT } from './names';
import { CellPlaces } from './stack';
import { MOST_DISPLAY, Streams } from './streams';
import { Waits } from './waits';

export interface KernelOptions {
  /** The notebook's folder: paths and imports are seen from it. */
  readonly folder: string;
  /** Where runs are kept. */
  readonly runs: string;
  /** What runs of experiments that name none are called. */
  readonly name: string;
  readonly output: (count: number, output: Output) => void;
}

/** The cell in hand. */
interface Execution {
  readonly count: number;
  readonly controller: AbortController;
  /** What is rejected when the cell is interrupted. */
  readonly waits: Waits;
}

/** Runs cells of TypeScript, one after the other, in this process: the global variables are theirs. */
export class Kernel {
  readonly #places: CellPlaces;
  readonly #streams: Streams;
  readonly #globals: ReadonlySet<string>;
  #current: Execution | undefined;

  constructor(private readonly options: KernelOptions) {
    this.#places = new CellPlaces(options.folder);
    this.#places.install();
    this.#streams = new Streams((output) => this.#send(output));
    const { folder, runs, name } = options;
    const lab = createLab({
      folder,
      runs,
      name,
      signal: () => this.#current?.controller.signal,
      display: (value, id) => this.#display(value, id),
    });
    Object.assign(globalThis, { lab, require: createRequire(join(folder, 'notebook')) });
    this.#globals = new Set(Object.getOwnPropertyNames(globalThis));
    const hidden = { enumerable: false, value: undefined as unknown };
    Object.defineProperty(globalThis, WAIT, { ...hidden, value: (promise: unknown) => this.#wait(promise) });
    Object.defineProperty(globalThis, CHECK, { ...hidden, value: () => this.#current?.controller.signal.throwIfAborted() });
  }

  get busy(): boolean {
    return this.#current !== undefined;
  }

  /** Runs a cell to its end. Never throws: what goes wrong is the cell's error. */
  async execute(count: number, source: string): Promise<Ended> {
    if (this.#current) return { error: this.#places.describe(new Error('Another cell is running.'), count) };
    const execution = { count, controller: new AbortController(), waits: new Waits() };
    this.#current = execution;
    this.#streams.begin();
    try {
      const result = await execution.waits.race(this.#run(count, source));
      if (result !== undefined) this.#display(result);
      return {};
    } catch (error) {
      return { error: this.#places.describe(error, count) };
    } finally {
      this.#streams.end();
      this.#current = undefined;
    }
  }

  /** Ends the cell in hand, if there is one. What it awaits may go on; its own next step does not. */
  interrupt(): void {
    const reason = new Interrupted();
    this.#current?.controller.abort(reason);
    this.#current?.waits.rejectAll(reason);
  }

  /** What is written to the process's streams. Between cells nobody reads it: false then. */
  write(name: 'stdout' | 'stderr', text: string): boolean {
    if (this.#current) this.#streams.write(name, text);
    return this.#current !== undefined;
  }

  /**
   * An error that no cell caught, in a callback or a promise that nobody waits for: the cell in hand is told.
   *
   * @returns what there is to say where no cell is in hand
   */
  stray(error: unknown, what: string): string | undefined {
    if (error instanceof Interrupted) return undefined;
    const text = `${what}\n${this.#places.describe(error, this.#current?.count ?? 0).stack}`;
    return this.write('stderr', `${text}\n`) ? undefined : text;
  }

  #run(count: number, source: string): Promise<unknown> {
    const { code, declared, map } = compileCell(source, this.#globals);
    this.#places.add(count, map, code.split('\n').length);
    for (const name of declared) if (!(name in globalThis)) Object.assign(globalThis, { [name]: undefined });
    const script = this.#script(count, code);
    // In a turn of its own: what breaks off a cell that does not end breaks off all that called it.
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        try {
          resolve(script.runInThisContext());
        } catch (error) {
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a cell may throw anything
          reject(error);
        }
      });
    });
  }

  #script(count: number, code: string): vm.Script {
    try {
      return new vm.Script(`(async () => { 'use strict';\n${code}\n})()`, {
        filename: this.#places.fileOf(count),
        lineOffset: -1,
        importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      });
    } catch (error) {
      throw this.#places.syntaxError(error, count);
    }
  }

  /** Waits for what a cell awaits, or until it is interrupted. */
  #wait(promise: unknown): Promise<unknown> {
    return this.#current ? this.#current.waits.race(promise) : Promise.resolve(promise);
  }

  #display(value: unknown, id?: string): void {
    const data = bundleOf(value) ?? {
      'text/plain': inspect(value, { depth: 4, maxArrayLength: 50, maxStringLength: 10_000, breakLength: 120 }),
    };
    const size = Object.values(data).reduce(
      (sum: number, each) => sum + (typeof each === 'string' ? each : JSON.stringify(each)).length,
      0,
    );
    if (size <= MOST_DISPLAY) this.#streams.show({ kind: 'display', data, ...(id !== undefined && { id }) }, size);
    else this.#streams.write('stderr', `A result of ${size.toLocaleString('en')} characters is too large to show. Show a part of it.\n`);
  }

  #send(output: Output): void {
    if (this.#current) this.options.output(this.#current.count, output);
  }
}
