import { defineConfig } from 'vitest/config';

/** Apart from the unit tests, since it takes Linux, root and Debian's packages: `npm test -- --only slurm`. */
export default defineConfig({
  test: { include: ['test/slurm/**/*.test.ts'], globalSetup: ['test/slurm/cluster.ts'], testTimeout: 30_000, hookTimeout: 120_000 },
});
