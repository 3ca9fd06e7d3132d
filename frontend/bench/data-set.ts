/** What the page is measured with: a year of houses, 10,000 sites, a site of a million readings, one of a hundred. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PROGRAM } from '../e2e/product';

export const HOUSE = 'house-01';
export const LARGE = 'large-site';
export const SMALL = 'small-site';
export const SITES = 10_000;

const HOUSES = fileURLToPath(new URL('../../data/houses_hourly.ndjson.gz', import.meta.url));
const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

export interface Rows {
  site: string;
  devices: number;
  /** Of each device. */
  readings: number;
  everyMs: number;
}

export const LARGE_ROWS: Rows = { site: LARGE, devices: 4, readings: 250_000, everyMs: MINUTE };
export const SMALL_ROWS: Rows = { site: SMALL, devices: 4, readings: 25, everyMs: 60 * MINUTE };

export const deviceOf = (index: number) => `meter-${index + 1}`;

/** Up to now, with power that goes up and down each day. */
export function* rowsOf({ site, devices, readings, everyMs }: Rows): Generator<string> {
  const start = Date.now() - readings * everyMs;
  for (let index = 0; index < readings; index++) {
    const time = start + index * everyMs;
    for (let device = 0; device < devices; device++) {
      const day = Math.sin((2 * Math.PI * time) / DAY + device);
      const power = Math.round(1000 * (device + 1) * (1.2 + day) + ((index * 7919) % 400));
      yield row(site, deviceOf(device), power, time);
    }
  }
}

/** A site each, with a day of hours. */
export function* manySites(): Generator<string> {
  for (let site = 0; site < SITES; site++)
    yield* rowsOf({
      site: `site-${String(site).padStart(5, '0')}`,
      devices: 1,
      readings: 24,
      everyMs: 60 * MINUTE,
    });
}

export function row(site_id: string, device_id: string, power_reading: number, time: number): string {
  return JSON.stringify({ site_id, device_id, power_reading, timestamp: new Date(time).toISOString() });
}

/** A year of eight meters. */
export const importHouses = (url: string) => runImport(url, HOUSES, []);

export const importRows = (url: string, rows: Iterable<string>) => runImport(url, '-', rows);

async function runImport(url: string, file: string, rows: Iterable<string>): Promise<void> {
  const options = [
    'import',
    file,
    '--url',
    new URL('/api', url).href,
    '--format',
    'ndjson',
    '--no-idempotency-keys',
  ];
  const child = spawn(PROGRAM, options, { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  for (const lines of inChunks(rows)) if (!child.stdin.write(lines)) await once(child.stdin, 'drain');
  child.stdin.end();
  const [code] = await ended;
  if (code !== 0) throw new Error(`the import has ended with ${code}`);
}

function* inChunks(rows: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const each of rows) {
    chunk += `${each}\n`;
    if (chunk.length < 1 << 16) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}

/** Resolves once a site has a number of readings that can be read. */
export async function untilStored(url: string, site: string, readings: number): Promise<void> {
  for (let stored = 0; stored < readings; ) {
    const response = await fetch(new URL(`/api/sites/${site}`, url));
    stored = response.ok ? ((await response.json()) as { readings: number }).readings : 0;
    if (stored < readings) await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
