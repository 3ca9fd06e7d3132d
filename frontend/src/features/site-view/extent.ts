/** When the first and the last reading of a site are. */
import type { SiteClient } from '../../api/site-client';
import type { StoredReading } from '../../api/types';
import { parseInstant } from '../../lib/instant';
import type { TimeRange } from '../../lib/range';

/** A meter whose clock was never set says 1970, or the year 1: its readings must not press all others into a pixel. */
const EARLIEST_PLAUSIBLE = '1990-01-01T00:00:00Z';
const HALF_HOUR_MS = 1_800_000;

/** Of the plausible readings, if there are any; null without readings. */
export async function loadExtent(
  client: SiteClient,
  site: string,
  now: number,
  signal: AbortSignal,
): Promise<TimeRange | null> {
  // The clock of a sender may be ahead by this much (edge case 18 of the query API).
  const latest = new Date(now + 300_000).toISOString();
  return (
    (await extentOf(client, { site, start: EARLIEST_PLAUSIBLE, end: latest }, signal)) ??
    (await extentOf(client, { site }, signal))
  );
}

async function extentOf(
  client: SiteClient,
  range: { site: string; start?: string; end?: string },
  signal: AbortSignal,
): Promise<TimeRange | null> {
  const one = (order: 'asc' | 'desc') => client.getPage({ ...range, devices: null, order, limit: 1 }, signal);
  const [first, last] = await Promise.all([one('asc'), one('desc')]);
  return spanOf(first.readings[0], last.readings[0]);
}

function spanOf(first: StoredReading | undefined, last: StoredReading | undefined): TimeRange | null {
  if (first === undefined || last === undefined) return null;
  const [from, to] = [parseInstant(first.timestamp), parseInstant(last.timestamp)];
  // A single reading has an hour of room.
  return from < to ? { from, to: Math.floor(to) + 1 } : { from: from - HALF_HOUR_MS, to: to + HALF_HOUR_MS };
}
