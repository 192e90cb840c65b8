import { UserError } from '../shared/errors';

/** An objective diverges when its loss, as mean over this many of its steps, … */
const STEPS = 10;
/** … is so many times what it began with, … */
const FACTOR = 3;
/** … and this much more, in nats, so that a loss that begins near zero may move. */
const MARGIN = 1;

/** The loss of a run is no longer a number, or many times what it began with: its newest parameters are worth nothing. */
export class Diverged extends UserError {
  /** @param goodUntil the last step after which nothing was wrong yet */
  constructor(
    message: string,
    readonly goodUntil: number,
  ) {
    super(
      message,
      'The last checkpoint is intact. Lower "training.learningRate" or lengthen "training.warmup"; "training.stepBacks" goes back and on with a lower rate by itself.',
      'diverged',
    );
  }
}

/** The loss of an objective: what it began with, and its newest steps. */
interface Course {
  readonly first: number;
  readonly newest: readonly { readonly step: number; readonly loss: number }[];
}

/** Watches the losses of a run, step after step. */
export class DivergenceWatch {
  readonly #courses = new Map<string, Course>();

  /**
   * @param step the number of the step, from 1
   * @param losses of its objectives, and their weighted sum as `total`
   * @param gradientNorm of all parameters, before clipping
   * @throws Diverged that names step and objective
   */
  observe(step: number, losses: Readonly<Record<string, number>>, gradientNorm: number): void {
    const spoilt = Object.entries(losses).find(([, loss]) => !Number.isFinite(loss));
    if (spoilt) throw new Diverged(`The loss of "${spoilt[0]}" is no longer a number at step ${step}.`, step - 1);
    const { total: _, ...own } = losses;
    if (!Number.isFinite(gradientNorm))
      throw new Diverged(`The gradient of "${Object.keys(own).join('" and "')}" is no longer a number at step ${step}.`, step - 1);
    for (const [name, loss] of Object.entries(own)) this.#follow(name, step, loss);
  }

  #follow(name: string, step: number, loss: number): void {
    const { first, newest: before } = this.#courses.get(name) ?? { first: loss, newest: [] };
    const newest = [...before, { step, loss }].slice(-STEPS);
    this.#courses.set(name, { first, newest });
    const mean = newest.reduce((sum, each) => sum + each.loss, 0) / STEPS;
    const limit = FACTOR * Math.abs(first) + MARGIN;
    if (newest.length < STEPS || mean <= limit) return;
    const since = newest.find((each) => each.loss > limit)!.step;
    throw new Diverged(
      `The loss of "${name}" diverges: it is ${mean.toPrecision(3)} over the ${STEPS} steps up to step ${step}, and was ${first.toPrecision(3)} at first.`,
      since - 1,
    );
  }
}
