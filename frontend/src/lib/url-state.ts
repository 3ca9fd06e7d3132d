/** What the page shows is in its address, so that it can be bookmarked, shared and gone back to. */
import { type Period, parsePeriod, periodText } from './period';
import { EARLIEST, LATEST } from './range';
import { isZone } from './zones';

export type RowOrder = 'newest' | 'oldest';
/** The length of a bar of the energy chart. */
export type BarUnit = 'hour' | 'day' | 'month' | 'year';

const BAR_UNITS: readonly BarUnit[] = ['hour', 'day', 'month', 'year'];

export interface View {
  site: string | null;
  /** Null for the page's own choice. */
  period: Period | null;
  /** The time zone of days and clocks; null for that of the browser. */
  zone: string | null;
  /** The devices drawn; null for the page's own choice. */
  devices: string[] | null;
  order: RowOrder;
  /** Null for what suits the period. */
  bars: BarUnit | null;
  /** Whether the sum of the devices is shown, too. */
  total: boolean;
}

export function readView(search: string): View {
  const params = new URLSearchParams(search);
  const zone = params.get('tz');
  return {
    // An id has at least one byte, so an empty one means none.
    site: params.get('site') || null,
    period: readRange(params) ?? parsePeriod(params.get('range') ?? ''),
    zone: zone !== null && isZone(zone) ? zone : null,
    devices: params.has('device') ? params.getAll('device').filter((id) => id !== '') : null,
    order: params.get('order') === 'oldest' ? 'oldest' : 'newest',
    bars: BAR_UNITS.find((unit) => unit === params.get('bars')) ?? null,
    total: params.get('total') === '1',
  };
}

function readRange(params: URLSearchParams): Period | null {
  const from = Date.parse(params.get('from') ?? '');
  const to = Date.parse(params.get('to') ?? '');
  return EARLIEST <= from && from < to && to <= LATEST ? { kind: 'range', from, to } : null;
}

/** The query string of a view, `''` for the plain page. */
export function writeView(view: View): string {
  const params = new URLSearchParams();
  if (view.site !== null) params.set('site', view.site);
  writePeriod(params, view.period);
  if (view.zone !== null) params.set('tz', view.zone);
  for (const id of view.devices?.length === 0 ? [''] : (view.devices ?? [])) params.append('device', id);
  if (view.order !== 'newest') params.set('order', view.order);
  if (view.bars !== null) params.set('bars', view.bars);
  if (view.total) params.set('total', '1');
  const query = params.toString();
  return query === '' ? '' : `?${query}`;
}

function writePeriod(params: URLSearchParams, period: Period | null): void {
  if (period === null) return;
  if (period.kind === 'range') {
    params.set('from', new Date(period.from).toISOString());
    params.set('to', new Date(period.to).toISOString());
  } else params.set('range', periodText(period) ?? '');
}

/** Another site has other devices, and readings at other times; what is relative to now is a habit of the reader. */
export function viewOfSite(site: string, current: View): View {
  const kind = current.period?.kind;
  const period = kind === 'current' || kind === 'last' ? current.period : null;
  return { ...current, site, period, devices: null };
}
