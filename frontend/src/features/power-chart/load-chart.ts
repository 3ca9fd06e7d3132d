/** What the chart draws: buckets from the service, or the readings themselves where they are few. */
import type { SiteClient } from '../../api/site-client';
import type { AggregateBucket, AggregateSeries, StoredReading } from '../../api/types';
import { nextTask } from '../../app/next-task';
import { parseInstant } from '../../lib/instant';
import { bucketLine, exactLine, type Line } from '../../lib/lines';
import type { TimeRange } from '../../lib/range';
import { seriesOf } from '../../lib/series';

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
  series: readonly ChartSeries[];
  /** How much time one point stands for, as the service names it; null when every reading is drawn. */
  interval: string | null;
}

export interface ChartSeries {
  /** Null for the sum of the devices. */
  id: string | null;
  line: Line;
  peak: Peak | null;
}

export interface Peak {
  watts: number;
  time: number;
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
  if (devices?.length === 0) return { series: [], interval: null };
  const [own, sum] = await Promise.all([
    client.getAggregates(query, signal),
    wanted.total ? client.getAggregates({ ...query, isSummed: true }, signal) : null,
  ]);
  const series = [...own.series, ...(sum?.series ?? [])];
  const isExact = countOf(own.series) <= MAX_READINGS;
  const page = isExact
    ? await client.getPage({ ...selection, order: 'asc', limit: MAX_READINGS }, signal)
    : null;
  return chartData(series, own.interval, page?.next_cursor === undefined ? (page?.readings ?? null) : null);
}

/** `readings` are all of the range; null where they are too many to be drawn. */
export async function chartData(
  series: readonly AggregateSeries[],
  interval: string,
  readings: readonly StoredReading[] | null,
): Promise<ChartData> {
  const exact = readings === null ? null : seriesOf(readings);
  const drawn: ChartSeries[] = [];
  for (const { device_id: id, buckets } of series) {
    // A device at a time: the page stays responsive however many there are.
    await nextTask();
    const own = id === null ? undefined : exact?.get(id);
    drawn.push({ id, line: own === undefined ? bucketLine(buckets) : exactLine(own), peak: peakOf(buckets) });
  }
  return { series: drawn, interval: exact === null ? interval : null };
}

function peakOf(buckets: readonly AggregateBucket[]): Peak | null {
  let highest: AggregateBucket | null = null;
  for (const bucket of buckets)
    if (bucket.max !== null && (highest === null || bucket.max > (highest.max ?? 0))) highest = bucket;
  if (highest === null || highest.max === null || highest.max_at === null) return null;
  return { watts: highest.max, time: parseInstant(highest.max_at) };
}

function countOf(series: readonly AggregateSeries[]): number {
  return series.reduce((sum, { buckets }) => buckets.reduce((count, bucket) => count + bucket.count, sum), 0);
}

export function iso(instant: number): string {
  return new Date(instant).toISOString();
}
