/** Energy by hour, day, month or year, cut by the service, whose days have 23 or 25 hours where clocks change. */
import type { SiteClient } from '../../api/site-client';
import type { AggregateSeries } from '../../api/types';
import type { TimeRange } from '../../lib/range';
import type { BarUnit } from '../../lib/url-state';
import { iso } from '../power-chart/load-chart';

export interface BarsWanted {
  site: string;
  range: TimeRange;
  zone: string;
  devices: readonly string[] | null;
  total: boolean;
  unit: BarUnit;
  asOf: number | null;
}

const INTERVALS: Record<BarUnit, string> = { hour: '1h', day: '1d', month: '1mo', year: '1y' };

export async function loadBars(
  client: SiteClient,
  { site, range, zone, devices, total, unit }: BarsWanted,
  signal: AbortSignal,
): Promise<AggregateSeries[]> {
  if (devices?.length === 0) return [];
  const query = {
    site,
    start: iso(range.from),
    end: iso(range.to),
    zone,
    devices,
    interval: INTERVALS[unit],
    isFilled: true,
  };
  const [own, sum] = await Promise.all([
    client.getAggregates(query, signal),
    total ? client.getAggregates({ ...query, isSummed: true }, signal) : null,
  ]);
  return [...own.series, ...(sum?.series ?? [])];
}
