/** What the chart draws: buckets from the service, or the readings themselves where they are few. */
import type { SiteClient } from '../../api/site-client';
import type { AggregateSeries, StoredReading } from '../../api/types';
import type { TimeRange } from '../../lib/range';

export interface ChartWanted {
  site: string;
  range: TimeRange;
  zone: string;
  /** Null for all. */
  devices: readonly string[] | null;
  /** Whether the sum of the devices is drawn, too. */
  total: boolean;
  /** Changes when what is stored of the range may have. */
  asOf: number | null;
}

export interface ChartData {
  /** By device; the sum of them, which has no device, last. */
  series: readonly AggregateSeries[];
  interval: string;
  /** All readings of the range; null where they are too many to be drawn. */
  readings: readonly StoredReading[] | null;
}

/** Too low and short peaks are seen in the band only; too high and a chart takes long to load, and has two points a pixel. */
const POINTS = 500;
/** More readings than these cannot be told apart. */
const MAX_READINGS = 2000;

export async function loadChart(
  client: SiteClient,
  wanted: ChartWanted,
  signal: AbortSignal,
): Promise<ChartData> {
  const { site, range, zone, devices } = wanted;
  const selection = { site, start: iso(range.from), end: iso(range.to), devices };
  const query = { ...selection, zone, interval: null, points: POINTS };
  if (devices?.length === 0) return { series: [], interval: 'auto', readings: [] };
  const [own, sum] = await Promise.all([
    client.getAggregates(query, signal),
    wanted.total ? client.getAggregates({ ...query, isSummed: true }, signal) : null,
  ]);
  const series = [...own.series, ...(sum?.series ?? [])];
  if (countOf(own.series) > MAX_READINGS) return { series, interval: own.interval, readings: null };
  const page = await client.getPage({ ...selection, order: 'asc', limit: MAX_READINGS }, signal);
  const isAll = page.next_cursor === undefined;
  return { series, interval: own.interval, readings: isAll ? page.readings : null };
}

function countOf(series: readonly AggregateSeries[]): number {
  return series.reduce((sum, { buckets }) => buckets.reduce((count, bucket) => count + bucket.count, sum), 0);
}

export function iso(instant: number): string {
  return new Date(instant).toISOString();
}
