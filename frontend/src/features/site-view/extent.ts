/** When the first and the last reading of a site are. */
import type { SiteClient } from '../../api/site-client';
import { parseInstant } from '../../lib/instant';
import type { TimeRange } from '../../lib/range';

const HALF_HOUR_MS = 1_800_000;

/** Of the plausible readings, if there are any; null without readings. */
export async function loadExtent(
  client: SiteClient,
  site: string,
  signal: AbortSignal,
): Promise<TimeRange | null> {
  const summary = await client.getSummary(site, signal);
  if (summary === null || summary.readings === 0) return null;
  if (summary.first !== null && summary.last !== null) return spanOf(summary.first, summary.last);
  // Clocks that were never set, or run years ahead: then these are all that can be shown.
  const one = (order: 'asc' | 'desc') => client.getPage({ site, devices: null, order, limit: 1 }, signal);
  const [first, last] = await Promise.all([one('asc'), one('desc')]);
  return spanOf(first.readings[0]?.timestamp, last.readings[0]?.timestamp);
}

function spanOf(first: string | undefined, last: string | undefined): TimeRange | null {
  if (first === undefined || last === undefined) return null;
  const [from, to] = [parseInstant(first), parseInstant(last)];
  // A single reading has an hour of room.
  return from < to ? { from, to: Math.floor(to) + 1 } : { from: from - HALF_HOUR_MS, to: to + HALF_HOUR_MS };
}
