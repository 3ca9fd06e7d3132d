import { defineConfig } from 'vitest/config';

/** Not a part of the tests: what it measures depends on what else the machine does. */
export default defineConfig({
  test: {
    include: ['bench/**/*.measure.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 600_000,
    reporters: ['verbose'],
  },
});
