import type { MemberExecutor } from '../executor';
import type { ComparisonPlan } from '../plan';
import { gpusFor, workersFor } from '../pool';
import { localExecutor } from './local';
import { SlurmExecutor } from './slurm';

/** Where the members of a comparison are trained. */
export function executorOf(plan: ComparisonPlan): MemberExecutor {
  const { executor } = plan;
  if (executor.kind === 'slurm') return new SlurmExecutor(executor);
  const gpus = gpusFor(plan);
  return localExecutor(workersFor(plan, { gpus }), gpus);
}
