/** The product on a summer evening of the year that its data are of, so that a picture is the same whenever it is taken. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sendBatch } from '../e2e/batch';
import { type Product, startProduct } from '../e2e/product';

/** Of the houses. */
export const ZONE = 'America/Los_Angeles';
/** A Sunday, at 18:40 there. */
export const NOW = Date.UTC(2017, 6, 31, 1, 40);

const HOUSES = new URL('../../data/houses_hourly.ndjson.gz', import.meta.url);
/** Of Debian's package `libfaketime`; LIBFAKETIME names another. */
const LIBRARY = process.env.LIBFAKETIME ?? '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

/** Redis keeps the true time: it does not start with this library, and its clock is in no picture. */
const REDIS = `#!/bin/sh\nunset LD_PRELOAD\nPATH='${process.env.PATH}' exec redis-server "$@"\n`;

const clock = {
  LD_PRELOAD: LIBRARY,
  FAKETIME: `@${new Date(NOW).toISOString().slice(0, 19).replace('T', ' ')}`,
  TZ: 'UTC',
  // Timers run as ever.
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
};

/** With a year of houses up to now. */
export async function startIn2017(): Promise<Product> {
  const product = await startEmpty();
  await sendBatch(product.url, await rowsUntilNow());
  return product;
}

/** Without a reading. */
export async function startEmpty(): Promise<Product> {
  const programs = await mkdtemp(join(tmpdir(), 'energy-pipeline-redis-'));
  await writeFile(join(programs, 'redis-server'), REDIS, { mode: 0o755 });
  const product = await startProduct({ ...clock, PATH: `${programs}:${process.env.PATH}` });
  const stop = () => product.stop().finally(() => rm(programs, { recursive: true, force: true }));
  return { ...product, stop };
}

async function rowsUntilNow(): Promise<string[]> {
  const rows = gunzipSync(await readFile(HOUSES))
    .toString()
    .trim()
    .split('\n');
  const isPast = (row: string) => Date.parse((JSON.parse(row) as { timestamp: string }).timestamp) <= NOW;
  return rows.filter(isPast);
}
