import { defineConfig } from 'vitest/config';
import { threadForVite } from '../../scripts/lib/thread.mjs';
import { watForVite } from '../../scripts/lib/wat.mjs';

/** Apart from the unit tests, since it takes a GPU in software: `npm test -- --only webgpu`. All files share a process, where shaders are compiled once. */
export default defineConfig({
  plugins: [watForVite(), threadForVite()],
  test: { include: ['test/webgpu/**/*.test.ts'], pool: 'forks', maxWorkers: 1, isolate: false, testTimeout: 120_000 },
});
