import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    fileParallelism: false,
    // Each step goes on from where the one before has left the page.
    bail: 1,
    // A step that waits for a condition which never comes must fail, not hang.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
