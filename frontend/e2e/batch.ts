/** Readings in numbers that a form is not for. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

const HOUSES = new URL('../../data/houses_hourly.ndjson.gz', import.meta.url);
/** Of one request. */
const MAX_ROWS = 5_000;

/** Sends lines of NDJSON, and waits until the last of them can be read. */
export async function sendBatch(url: string, lines: readonly string[]): Promise<void> {
  for (let first = 0; first < lines.length; first += MAX_ROWS) {
    const body = lines.slice(first, first + MAX_ROWS).join('\n');
    const headers = { 'Content-Type': 'application/x-ndjson' };
    const response = await fetch(new URL('/api/readings/batch', url), { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  }
  const { site_id, timestamp } = JSON.parse(lines.at(-1) ?? '{}');
  const path = new URL(`/api/sites/${encodeURIComponent(site_id)}/readings?start=${timestamp}&limit=1`, url);
  for (let count = 0; count === 0; ) {
    const { readings } = (await (await fetch(path)).json()) as { readings: unknown[] };
    count = readings.length;
  }
}

/** The readings of a house in a month of the year of hourly data, such as `2016-11`. */
export async function houseMonths(site: string, months: readonly string[]): Promise<string[]> {
  const lines = gunzipSync(await readFile(HOUSES))
    .toString()
    .trim()
    .split('\n');
  return lines.filter(
    (line) =>
      line.includes(`"site_id":"${site}"`) && months.some((month) => line.includes(`"timestamp":"${month}`)),
  );
}
