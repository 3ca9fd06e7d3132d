/** The real product, as a user starts it: one binary that brings its own Redis. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Product {
  url: string;
  /** Asks it to stop and resolves with its exit code, null when only a kill could end it. */
  stop(): Promise<number | null>;
}

const BUILT = fileURLToPath(new URL('../../target/debug/energy-pipeline', import.meta.url));
const PAGE_LINE = /page\s+(http:\/\/\S+)/;
/** Longer than any start or drain takes, shorter than the patience of the test runner. */
const PATIENCE_MS = 30_000;

/** With `E2E_BASE_URL` set, something that already runs is used instead and left alone. */
export async function startProduct(): Promise<Product> {
  const running = process.env.E2E_BASE_URL;
  if (running !== undefined) return { url: running, stop: async () => 0 };
  const dataDir = await mkdtemp(join(tmpdir(), 'energy-pipeline-e2e-'));
  const child = spawn(process.env.ENERGY_PIPELINE_BIN ?? BUILT, ['up', '--data-dir', dataDir], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit').finally(() => rm(dataDir, { recursive: true, force: true }));
  const url = await within(PATIENCE_MS, child, pageOf(child));
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await within(PATIENCE_MS, child, ended);
    return code as number | null;
  };
  return { url, stop };
}

/** Free ports, and a Redis of its own even where the environment names another. */
function environment(): NodeJS.ProcessEnv {
  const { REDIS_HOST, REDIS_PORT, REDIS_URL, ...rest } = process.env;
  return { ...rest, INGESTION_PORT: '0', PROCESSING_PORT: '0', FRONTEND_PORT: '0' };
}

/** The address of the page, once the product has printed it. */
function pageOf(child: ChildProcess): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk;
      const page = PAGE_LINE.exec(output)?.[1];
      if (page !== undefined) resolve(page);
    };
    // Both are read to the end: a full pipe would stop the product.
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`ended with ${code} before its page was up:\n${output}`)));
  });
}

/** A product that takes too long is killed, which ends every wait for it. */
async function within<T>(milliseconds: number, child: ChildProcess, wait: Promise<T>): Promise<T> {
  const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
  return wait.finally(() => clearTimeout(timer));
}
