import { defineConfig } from 'vitest/config';

/** Not a part of the tests; needs Debian's `libfaketime` and `pngquant`. */
export default defineConfig({
  test: { include: ['screenshots/**/*.screenshots.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
});
