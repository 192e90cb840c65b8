import { UserError } from '../shared/errors';

/** An objective diverges when its loss, as mean over this many of its steps, … */
const STEPS = 10;
/** … is so many times what it began with, … */
const FACTOR = 3;
/** … and this much more, in nats, so that a loss that begins near zero may move. */
const MARGIN = 1;

/** The loss of a run is no longer a number, or many times what it began with: its newest parameters are worth nothing. */
export class Diverged extends UserError {
  constructor(message: string) {
    super(
      message,
      'The last checkpoint is intact. Lower "training.learningRate" or lengthen "training.warmup"; "training.stepBacks" goes back and on with a lower rate by itself.',
      'diverged',
    );
  }
}

/** Watches the losses of a run, step after step. */
export class DivergenceWatch {
  /** Of each objective the first loss, and the newest. */
  readonly #first = new Map<string, number>();
  readonly #newest = new Map<string, number[]>();

  /**
   * @param step the number of the step, from 1
   * @param losses of its objectives, and their weighted sum as `total`
   * @param gradientNorm of all parameters, before clipping
   * @throws Diverged that names step and objective
   */
  observe(step: number, losses: Readonly<Record<string, number>>, gradientNorm: number): void {
    const spoilt = Object.entries(losses).find(([, loss]) => !Number.isFinite(loss));
    if (spoilt) throw new Diverged(`The loss of "${spoilt[0]}" is no longer a number at step ${step}.`);
    if (!Number.isFinite(gradientNorm)) {
      const names = Object.keys(losses).filter((name) => name !== 'total');
      throw new Diverged(`The gradient of "${names.join('" and "')}" is no longer a number at step ${step}.`);
    }
    for (const [name, loss] of Object.entries(losses)) {
      if (name === 'total') continue;
      const first = this.#first.get(name) ?? loss;
      this.#first.set(name, first);
      const newest = [...(this.#newest.get(name) ?? []), loss].slice(-STEPS);
      this.#newest.set(name, newest);
      if (newest.length < STEPS) continue;
      const mean = newest.reduce((sum, value) => sum + value, 0) / STEPS;
      if (mean > FACTOR * Math.abs(first) + MARGIN)
        throw new Diverged(
          `The loss of "${name}" diverges: it is ${mean.toPrecision(3)} over the ${STEPS} steps up to step ${step}, and was ${first.toPrecision(3)} at first.`,
        );
    }
  }
}
