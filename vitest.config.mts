import { defineConfig } from 'vitest/config';
import { threadForVite } from './scripts/lib/thread.mjs';
import { watForVite } from './scripts/lib/wat.mjs';

export default defineConfig({
  plugins: [watForVite(), threadForVite()],
  test: {
    include: ['test/unit/**/*.test.ts', 'test/oracle/**/*.test.ts'],
    // ONNX Runtime is a native addon with process-wide state: a process a file, never a thread.
    pool: 'forks',
    // Vitest leaves one of two cores to itself; most of a file's time is a process that computes with one thread.
    maxWorkers: '100%',
    testTimeout: 30_000,
    // The Linux build of ONNX Runtime writes telemetry files unless this is set before it loads.
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});
