/** One objective drowns another when its gradient is so much longer… */
const FACTOR = 20;
/** …over this many steps, by their geometric mean… */
const STEPS = 50;
/** …while its own loss is still this share of what it began with: an objective that is learned pulls no more. */
const UNLEARNED = 0.5;

/**
 * Watches how hard the objectives of a sum pull: the norms of their weighted gradients. A part whose gradient is a small fraction of another's learns
 * next to nothing, which the losses alone do not show.
 */
export class Balance {
  #logs: Record<string, number> = {};
  #steps = 0;
  /** The objectives that the steps so far had: those of another phase are compared anew. */
  #names = '';
  /** The loss that each objective began with. */
  readonly #first: Record<string, number> = {};
  #warned = false;

  /**
   * @param norms of a step's gradients, by objective
   * @param losses of the step, by objective
   * @returns a warning for people, once
   */
  observe(norms: Readonly<Record<string, number>>, losses: Readonly<Record<string, number>>): string | undefined {
    for (const [name, loss] of Object.entries(losses)) this.#first[name] ??= loss;
    if (this.#warned || Object.keys(norms).length < 2) return undefined;
    const names = Object.keys(norms).join();
    if (names !== this.#names) [this.#names, this.#logs, this.#steps] = [names, {}, 0];
    for (const [name, norm] of Object.entries(norms)) this.#logs[name] = (this.#logs[name] ?? 0) + Math.log(norm + 1e-30);
    if (++this.#steps < STEPS) return undefined;
    const ranked = Object.entries(this.#logs).sort((a, b) => b[1] - a[1]);
    const [[loud, most], [quiet, least]] = [ranked[0]!, ranked.at(-1)!];
    const factor = Math.exp((most - least) / STEPS);
    [this.#logs, this.#steps] = [{}, 0];
    if (factor < FACTOR || losses[quiet]! < UNLEARNED * this.#first[quiet]!) return undefined;
    this.#warned = true;
    return (
      `"${loud}" drowns "${quiet}": its gradient is ${Math.round(factor)} times as long over ${STEPS} steps, so that the model hardly learns "${quiet}". ` +
      `Raise the weight of "${quiet}", or lower that of "${loud}".`
    );
  }
}
