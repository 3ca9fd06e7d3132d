/** The real product, as a user starts it: one binary that brings its own Redis. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Product {
  url: string;
  /** The documentation of both services, asked directly; none of something that already runs. */
  docs: string[];
  /** Asks it to stop and resolves with its exit code, null when only a kill could end it. */
  stop(): Promise<number | null>;
}

const BUILT = fileURLToPath(new URL('../../target/debug/energy-pipeline', import.meta.url));
const ADDRESSES = /page\s+(http:\/\/\S+)\s+ingestion API\s+(http:\/\/\S+)\s+processing\s+(http:\/\/\S+)\s/;
/** Longer than any start or drain takes, shorter than the patience of the test runner. */
const PATIENCE_MS = 30_000;

/** With `E2E_BASE_URL` set, something that already runs is used instead and left alone. */
export async function startProduct(): Promise<Product> {
  const running = process.env.E2E_BASE_URL;
  if (running !== undefined) return { url: running, docs: [], stop: async () => 0 };
  const dataDir = await mkdtemp(join(tmpdir(), 'energy-pipeline-e2e-'));
  const child = spawn(process.env.ENERGY_PIPELINE_BIN ?? BUILT, ['up', '--data-dir', dataDir], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit').finally(() => rm(dataDir, { recursive: true, force: true }));
  const [url = '', ...docs] = await within(PATIENCE_MS, child, addressesOf(child));
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await within(PATIENCE_MS, child, ended);
    return code as number | null;
  };
  return { url, docs, stop };
}

/** Free ports, and a Redis of its own even where the environment names another. */
function environment(): NodeJS.ProcessEnv {
  const { REDIS_HOST, REDIS_PORT, REDIS_URL, ...rest } = process.env;
  return { ...rest, INGESTION_PORT: '0', PROCESSING_PORT: '0', FRONTEND_PORT: '0' };
}

/** The addresses of the page and of the documentation, once the product has printed them. */
function addressesOf(child: ChildProcess): Promise<string[]> {
  let output = '';
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk;
      const addresses = ADDRESSES.exec(output);
      if (addresses !== null) resolve(addresses.slice(1));
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
