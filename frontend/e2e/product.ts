/** The real product, as a user starts it: one binary that brings its own Redis. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrivateRedis } from './private-redis';

export interface Product {
  url: string;
  /** The documentation of both services, asked directly; none of something that already runs. */
  docs: string[];
  /** What it has printed so far, its log included. */
  output(): string;
  /** Its Redis; null of something that already runs. */
  redis: PrivateRedis | null;
  /** Asks it to stop and resolves with its exit code, null when only a kill could end it. */
  stop(): Promise<number | null>;
}

const BUILT = fileURLToPath(new URL('../../target/debug/energy-pipeline', import.meta.url));
export const PROGRAM = process.env.ENERGY_PIPELINE_BIN ?? BUILT;
const ADDRESSES = /page\s+(http:\/\/\S+)\s+ingestion API\s+(http:\/\/\S+)\s+processing\s+(http:\/\/\S+)\s/;
/** Longer than any start or drain takes, shorter than the patience of the test runner. */
const PATIENCE_MS = 30_000;

/**
 * With `E2E_BASE_URL` set, something that already runs is used instead and left alone, unless this one needs `settings`
 * of its own.
 */
export async function startProduct(settings: Record<string, string> = {}): Promise<Product> {
  const running = process.env.E2E_BASE_URL;
  if (running !== undefined && Object.keys(settings).length === 0)
    return { url: running, docs: [], output: () => '', redis: null, stop: async () => 0 };
  const dataDir = await mkdtemp(join(tmpdir(), 'energy-pipeline-e2e-'));
  const child = spawn(PROGRAM, ['up', '--data-dir', dataDir], {
    env: { ...environment(), ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit').finally(() => rm(dataDir, { recursive: true, force: true }));
  const output = outputOf(child);
  const [url = '', ...docs] = await within(PATIENCE_MS, child, addressesOf(child, output));
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await within(PATIENCE_MS, child, ended);
    return code as number | null;
  };
  return { url, docs, output, redis: new PrivateRedis(dataDir, child.pid ?? 0), stop };
}

/** Free ports, and a Redis of its own even where the environment names another. */
function environment(): NodeJS.ProcessEnv {
  const { REDIS_HOST, REDIS_PORT, REDIS_URL, ...rest } = process.env;
  return { ...rest, INGESTION_PORT: '0', PROCESSING_PORT: '0', FRONTEND_PORT: '0' };
}

/** Both streams are read to the end: a full pipe would stop the product. */
function outputOf(child: ChildProcess): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  return () => output;
}

/** The addresses of the page and of the documentation, once the product has printed them. */
function addressesOf(child: ChildProcess, output: () => string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', () => {
      const addresses = ADDRESSES.exec(output());
      if (addresses !== null) resolve(addresses.slice(1));
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`ended with ${code} before its page was up:\n${output()}`)));
  });
}

/** A product that takes too long is killed, which ends every wait for it. */
async function within<T>(milliseconds: number, child: ChildProcess, wait: Promise<T>): Promise<T> {
  const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
  return wait.finally(() => clearTimeout(timer));
}
