import type { Budget } from '../experiment/comparison';
import { UserError } from '../shared/errors';
import { formatCount } from '../shared/format';
import { keyOf, tokensOf, type Plan } from '../train/plan';
import type { Costs } from '../train/cost';

/** A member that does fewer steps than this has learnt nothing that could be compared. */
const FEWEST_STEPS = 10;
/** Steps over which a mean cost is taken before the number of steps is known. */
const TRIAL = 1000;

/** The sum over the steps of a plan. */
export function costOf(plan: Plan, steps: number, costs: Costs): number {
  const counts = new Map<string, number>();
  for (let step = 0; step < steps; step++) {
    const key = keyOf(plan.setAt(step));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].reduce((sum, [key, count]) => sum + count * costs.get(key)!, 0);
}

export const tokenCosts = (plan: Plan): Costs => new Map(plan.sets.map((set) => [keyOf(set), tokensOf(set)]));

/**
 * How many steps a budget pays for. What a step costs may depend on the step (objectives in turns or phases), and the phases on the number of steps.
 *
 * @param planOf the plan of so many steps
 * @param costs a step of each set of objectives, in the budget's own unit
 * @param who the variant, for messages
 * @throws UserError (code `comparison`) when it pays for fewer than ten
 */
export function stepsFor(budget: Budget, planOf: (steps: number) => Plan, costs: Costs, who: string): number {
  const limit = amountOf(budget);
  const each = costOf(planOf(TRIAL), TRIAL, costs) / TRIAL;
  let steps = Math.floor(limit / each);
  if (steps >= FEWEST_STEPS) {
    const dearest = Math.max(...costs.values());
    for (let total = costOf(planOf(steps), steps, costs); total > limit * (1 + 1e-9); total = costOf(planOf(steps), steps, costs))
      steps -= Math.max(1, Math.floor((total - limit) / dearest));
  }
  if (steps >= FEWEST_STEPS) return steps;
  throw new UserError(
    `\`budget\` pays for ${Math.max(0, steps)} steps of "${who}", at ${describeAmount(budget, each)} a step.`,
    `Give at least ${describeAmount(budget, FEWEST_STEPS * each)}, better some hundred times what a step costs, or make model or batches smaller.`,
    'comparison',
  );
}

export const amountOf = (budget: Budget): number =>
  'flops' in budget ? budget.flops : 'tokens' in budget ? budget.tokens : budget.seconds;

/** An amount in the unit of a budget. */
function describeAmount(budget: Budget, amount: number): string {
  if ('flops' in budget) return `${scientific(amount)} FLOP`;
  return 'tokens' in budget ? `${formatCount(amount)} tokens` : `${Number(amount.toPrecision(2))} seconds`;
}

/** As people read it. */
export function describeBudget(budget: Budget): string {
  const amount = describeAmount(budget, amountOf(budget));
  if ('flops' in budget) return `${amount} of matrix products each`;
  return 'tokens' in budget ? `${amount} each` : `${amount} of training each, by a measurement of the step`;
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** `5 × 10¹²` */
export function scientific(value: number): string {
  const [mantissa, exponent] = value.toExponential(2).split('e') as [string, string];
  const raised = Array.from(String(Number(exponent)), (digit) => (digit === '-' ? '⁻' : SUPERSCRIPTS[Number(digit)]!)).join('');
  return `${Number(mantissa)} × 10${raised}`;
}
