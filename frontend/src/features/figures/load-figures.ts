/** The energy of today, yesterday and this month of each device. */
import type { SiteClient } from '../../api/site-client';
import type { AggregateBucket, AggregateSeries } from '../../api/types';

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

/** Earlier than yesterday and this month by every clock; the service cuts the days. */
const DAYS = { start: 'now-3d', interval: '1d', isFilled: true };
const MONTHS = { start: 'now-32d', interval: '1mo', isFilled: true };

export async function loadFigures(
  client: SiteClient,
  { site, zone, devices, total }: FiguresWanted,
  signal: AbortSignal,
): Promise<DeviceFigures[]> {
  if (devices?.length === 0) return [];
  const load = async (part: typeof DAYS): Promise<AggregateSeries[]> => {
    const query = { site, zone, devices, ...part };
    const [own, sum] = await Promise.all([
      client.getAggregates(query, signal),
      total ? client.getAggregates({ ...query, isSummed: true }, signal) : null,
    ]);
    return [...own.series, ...(sum?.series ?? [])];
  };
  const [days, months] = await Promise.all([load(DAYS), load(MONTHS)]);
  return figuresOf(days, months);
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
