import type { Combination } from '../experiment/sections';
import { rampAt } from '../objectives/ramp';
import type { Instance } from '../objectives';
import { hash32 } from '../shared/random';

/** An objective that takes part in a step, with the factor of its loss there. */
export interface Part {
  readonly instance: Instance;
  readonly weight: number;
}

/** Which objectives are trained in which step, and with which weights: a pure function of the step. */
export class Plan {
  /** Sets of objectives that are trained together, each once. */
  readonly sets: readonly (readonly Instance[])[];
  /** The objectives of a step (from 0). */
  readonly setAt: (step: number) => readonly Instance[];

  constructor(
    readonly instances: readonly Instance[],
    combination: Combination,
    private readonly steps: number,
  ) {
    const named = (types: readonly string[]): Instance[] => instances.filter(({ type }) => types.includes(type));
    switch (combination.kind) {
      case 'sum':
        this.sets = [instances];
        this.setAt = () => instances;
        break;
      case 'alternate': {
        const turns = interleaved(combination.ratio).map((type) => named([type]));
        this.sets = instances.map((instance) => [instance]);
        this.setAt = (step) => turns[step % turns.length]!;
        break;
      }
      case 'phases': {
        const ends = combination.phases.map(
          (_, i) => combination.phases.slice(0, i + 1).reduce((sum, { share }) => sum + share, 0) * steps,
        );
        const phases = combination.phases.map(({ objectives }) => named(objectives));
        this.sets = [...new Map(phases.map((set) => [keyOf(set), set])).values()];
        this.setAt = (step) => phases[ends.findIndex((end) => step < Math.round(end))] ?? phases.at(-1)!;
        break;
      }
    }
  }

  /** The same with their weights. */
  at(step: number): Part[] {
    return this.setAt(step).map((instance) => ({ instance, weight: rampAt(instance.weight, step, this.steps) }));
  }
}

/** The number from which all that is random in a step's graph follows. */
export const stepKeyAt = (seed: number, step: number): number => hash32(seed, 30, step);

/** What a set of objectives is known by. */
export const keyOf = (set: readonly Pick<Instance, 'type'>[]): string => set.map(({ type }) => type).join('+');

/** Tokens that go through the model in a step of these objectives. */
export const tokensOf = (set: readonly Instance[]): number => set.reduce((sum, { tokens }) => sum + tokens, 0);

/** A cycle of turns in which each name comes as often as its number says, spread as evenly as can be (smooth weighted round-robin). */
function interleaved(ratio: Readonly<Record<string, number>>): string[] {
  const names = Object.keys(ratio);
  const total = names.reduce((sum, name) => sum + ratio[name]!, 0);
  const credit = new Map(names.map((name) => [name, 0]));
  return Array.from({ length: total }, () => {
    for (const name of names) credit.set(name, credit.get(name)! + ratio[name]!);
    const next = names.reduce((best, name) => (credit.get(name)! > credit.get(best)! ? name : best));
    credit.set(next, credit.get(next)! - total);
    return next;
  });
}
