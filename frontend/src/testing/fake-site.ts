/** What the services answer about the readings of one site; buckets are UTC's, and energy is the mean over their time. */
import type { AggregateBucket, Device, DeviceList, SiteSummary, StoredReading } from '../api/types';
import { parseInstant } from '../lib/instant';

const HOUR = 3_600_000;
const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: HOUR, d: 24 * HOUR };
const LENGTHS: Record<string, number> = { auto: HOUR, '1h': HOUR, '1d': 24 * HOUR };

/** The readings of a query, in its order. */
export function selected(
  readings: readonly StoredReading[],
  query: URLSearchParams,
  now: number,
): StoredReading[] {
  const devices = query.getAll('device_id');
  const start = momentOf(query.get('start'), now) ?? Number.NEGATIVE_INFINITY;
  const end = momentOf(query.get('end'), now) ?? Number.POSITIVE_INFINITY;
  const rows = readings
    .map((reading) => ({ reading, time: parseInstant(reading.timestamp) }))
    .filter(({ reading, time }) => {
      const isWanted = devices.length === 0 || devices.includes(reading.device_id);
      return isWanted && start <= time && time < end;
    })
    .sort((a, b) => a.time - b.time)
    .map(({ reading }) => reading);
  return query.get('order') === 'desc' ? rows.reverse() : rows;
}

/** A page of them, whose cursor is the number of the readings before. */
export function pageOf(site_id: string, rows: StoredReading[], query: URLSearchParams) {
  const limit = Number(query.get('limit') ?? rows.length);
  const from = Number(query.get('cursor') ?? 0);
  const end = from + limit;
  const readings = rows.slice(from, end);
  return { site_id, readings, ...(end < rows.length && { next_cursor: String(end) }) };
}

export function aggregatesOf(site_id: string, rows: StoredReading[], query: URLSearchParams, now: number) {
  const interval = query.get('interval') ?? 'auto';
  const range = {
    start: momentOf(query.get('start'), now) ?? now - 24 * HOUR,
    end: momentOf(query.get('end'), now) ?? now,
  };
  const isFilled = query.get('fill') === 'null';
  const devices = [...new Set(rows.map(({ device_id }) => device_id))].sort();
  const seriesOf = (device_id: string | null, own: StoredReading[]) => ({
    device_id,
    buckets: bucketsOf(range, interval, own).filter(({ count }) => isFilled || count > 0),
  });
  const series =
    query.get('combine') === 'sum'
      ? devices.length > 0
        ? [seriesOf(null, rows)]
        : []
      : devices.map((id) =>
          seriesOf(
            id,
            rows.filter((row) => row.device_id === id),
          ),
        );
  return { site_id, interval: interval === 'auto' ? '1h' : interval, tz: query.get('tz'), series };
}

function bucketsOf(
  { start, end }: { start: number; end: number },
  interval: string,
  rows: StoredReading[],
): AggregateBucket[] {
  const buckets: AggregateBucket[] = [];
  for (let from = start; from < end; ) {
    const to = Math.min(end, nextEdge(from, interval));
    buckets.push(bucketOf(from, to, rows));
    from = to;
  }
  return buckets;
}

function nextEdge(time: number, interval: string): number {
  const date = new Date(time);
  if (interval === '1mo') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
  if (interval === '1y') return Date.UTC(date.getUTCFullYear() + 1, 0);
  const length = LENGTHS[interval] ?? HOUR;
  return (Math.floor(time / length) + 1) * length;
}

function bucketOf(from: number, to: number, rows: StoredReading[]): AggregateBucket {
  const own = rows.filter(({ timestamp }) => from <= parseInstant(timestamp) && parseInstant(timestamp) < to);
  const powers = own.map(({ power_reading }) => power_reading);
  const [min, max] = own.length === 0 ? [null, null] : [Math.min(...powers), Math.max(...powers)];
  const mean = own.length === 0 ? null : powers.reduce((sum, power) => sum + power, 0) / own.length;
  const energy = mean === null ? null : (mean * (to - from)) / HOUR / 1000;
  const at = own[0]?.timestamp ?? null;
  return {
    start: new Date(from).toISOString(),
    end: new Date(to).toISOString(),
    count: own.length,
    repeats: 0,
    min,
    min_at: at,
    max,
    max_at: at,
    mean,
    energy_kwh: energy,
    import_kwh: energy === null ? null : Math.max(energy, 0),
    export_kwh: energy === null ? null : Math.max(-energy, 0),
    coverage: own.length === 0 ? 0 : 1,
  };
}

function momentOf(text: string | null, now: number): number | null {
  if (text === null) return null;
  const [, count = '', unit = ''] = /^now-(\d+)([smhd])$/.exec(text) ?? [];
  return count === '' ? Date.parse(text) : now - Number(count) * (UNITS[unit] ?? 0);
}

export function devicesOf(site_id: string, rows: readonly StoredReading[]): DeviceList {
  const ids = [...new Set(rows.map(({ device_id }) => device_id))].sort();
  const devices = ids.map((id): Device => {
    const own = rows.filter(({ device_id }) => device_id === id);
    const last = own.at(-1);
    return {
      device_id: id,
      readings: own.length,
      first: own[0]?.timestamp ?? null,
      last: last?.timestamp ?? null,
      last_power_reading: last?.power_reading ?? null,
      last_ingested_at: last?.timestamp ?? null,
      interval_s: 3600,
      status: 'fresh',
    };
  });
  return { site_id, devices, complete: true };
}

/** Null without readings. */
export function summaryOf(site_id: string, rows: readonly StoredReading[]): SiteSummary | null {
  const { devices } = devicesOf(site_id, rows);
  const [first, last] = [rows[0]?.timestamp ?? null, rows.at(-1)?.timestamp ?? null];
  const times = { first, last, last_ingested_at: last, interval_s: 3600 };
  if (first === null) return null;
  return { site_id, devices: devices.length, readings: rows.length, ...times, status: 'fresh' };
}
