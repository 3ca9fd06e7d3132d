import { defineConfig } from 'vitest/config';
import { icuMessages } from './build/icu-messages';
import { preloadedPage } from './build/preloaded-page';

const ingestion = process.env.INGESTION_URL ?? 'http://127.0.0.1:8000';
const processing = process.env.PROCESSING_URL ?? 'http://127.0.0.1:8001';

const withoutPrefix = (prefix: string) => (path: string) => path.slice(prefix.length);

/** The same routes as the built-in web server, see section 1 of the contract. */
const proxy = {
  '/api/readings': { target: ingestion, rewrite: withoutPrefix('/api') },
  '/ingestion/': { target: ingestion, rewrite: withoutPrefix('/ingestion') },
  '/api/': { target: processing, rewrite: withoutPrefix('/api') },
};

export default defineConfig({
  plugins: [icuMessages(), preloadedPage()],
  server: { port: 5173, proxy },
  build: {
    target: 'es2022',
    // The page runs under `default-src 'self'`: no data: URLs, no inline helpers.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // A twentieth smaller than by esbuild, whose seconds no user has.
    minify: 'terser',
    terserOptions: { ecma: 2020, compress: { passes: 2 } },
    reportCompressedSize: true,
  },
  worker: { format: 'es' },
  test: {
    projects: [
      { extends: true, test: { name: 'units', include: ['src/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'components',
          include: ['src/**/*.test.tsx'],
          environment: 'jsdom',
          testTimeout: 30_000,
          setupFiles: ['src/testing/setup.ts'],
        },
      },
    ],
    coverage: {
      include: ['src/**'],
      exclude: ['src/api/generated/**', 'src/testing/**', 'src/**/*.test.*', 'src/**/*.d.ts'],
      reporter: ['text-summary'],
      thresholds: { statements: 80 },
    },
  },
});
