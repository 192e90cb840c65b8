import { startCluster } from '../support/slurm.mjs';

/** One cluster for all tests; they find it by `SLURM_CONF`. */
export default async function cluster(): Promise<() => Promise<void>> {
  const { conf, stop } = await startCluster({ cpus: 2 });
  process.env.SLURM_CONF = conf;
  return stop;
}
