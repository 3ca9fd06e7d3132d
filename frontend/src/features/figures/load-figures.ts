/** The figures of today, yesterday and this month of each device, and its power now. */
import type { SiteClient } from '../../api/site-client';
import type { AggregateBucket, AggregateSeries, StoredReading } from '../../api/types';

export interface FiguresWanted {
  site: string;
  zone: string;
  devices: readonly string[] | null;
  total: boolean;
  minute: number;
}

export interface DeviceFigures {
  /** Null for the sum of the devices. */
  id: string | null;
  today: AggregateBucket | null;
  yesterday: AggregateBucket | null;
  month: AggregateBucket | null;
}

export interface SiteFigures {
  devices: DeviceFigures[];
  latest: StoredReading[];
}

/** Earlier than yesterday and this month by every clock; the service cuts the days. */
const DAYS = { start: 'now-3d', interval: '1d', isFilled: true };
const MONTHS = { start: 'now-32d', interval: '1mo', isFilled: true };
/** As long as a value holds without a later one (`max_gap`). */
const LATEST = { start: 'now-2h', order: 'desc' as const, limit: 100 };

export async function loadFigures(
  client: SiteClient,
  { site, zone, devices, total }: FiguresWanted,
  signal: AbortSignal,
): Promise<SiteFigures> {
  if (devices?.length === 0) return { devices: [], latest: [] };
  const load = async (part: typeof DAYS): Promise<AggregateSeries[]> => {
    const query = { site, zone, devices, ...part };
    const [own, sum] = await Promise.all([
      client.getAggregates(query, signal),
      total ? client.getAggregates({ ...query, isSummed: true }, signal) : null,
    ]);
    return [...own.series, ...(sum?.series ?? [])];
  };
  const [days, months, latest] = await Promise.all([
    load(DAYS),
    load(MONTHS),
    client.getPage({ site, devices, ...LATEST }, signal),
  ]);
  return { devices: figuresOf(days, months), latest: [...latest.readings] };
}

function figuresOf(days: readonly AggregateSeries[], months: readonly AggregateSeries[]): DeviceFigures[] {
  // Months have all that days have: they begin before.
  return months.map(({ device_id: id, buckets }) => {
    const own = days.find(({ device_id }) => device_id === id)?.buckets ?? [];
    return {
      id,
      today: own.at(-1) ?? null,
      yesterday: own.at(-2) ?? null,
      month: buckets.at(-1) ?? null,
    };
  });
}
