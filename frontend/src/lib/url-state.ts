/** What the page shows is in its address, so that it can be bookmarked, shared and gone back to. */
import type { TimeRange } from './range';

export type RowOrder = 'newest' | 'oldest';

export interface View {
  site: string | null;
  /** The part of the chart that is zoomed into; null for all of it. */
  range: TimeRange | null;
  /** The devices drawn; null for the page's own choice. */
  devices: string[] | null;
  order: RowOrder;
}

export function readView(search: string): View {
  const params = new URLSearchParams(search);
  return {
    // An id has at least one byte, so an empty one means none.
    site: params.get('site') || null,
    range: readRange(params),
    devices: params.has('device') ? params.getAll('device').filter((id) => id !== '') : null,
    order: params.get('order') === 'oldest' ? 'oldest' : 'newest',
  };
}

/** Timestamps have four digits of year (RFC 3339): no reading is before or after. */
const EARLIEST = Date.parse('0000-01-01T00:00:00Z');
const LATEST = Date.parse('9999-12-31T23:59:59Z');

function readRange(params: URLSearchParams): TimeRange | null {
  const from = Date.parse(params.get('from') ?? '');
  const to = Date.parse(params.get('to') ?? '');
  return EARLIEST <= from && from < to && to <= LATEST ? { from, to } : null;
}

/** The query string of a view, `''` for the plain page. */
export function writeView(view: View): string {
  const params = new URLSearchParams();
  if (view.site !== null) params.set('site', view.site);
  if (view.range !== null) {
    params.set('from', new Date(view.range.from).toISOString());
    params.set('to', new Date(view.range.to).toISOString());
  }
  for (const id of view.devices?.length === 0 ? [''] : (view.devices ?? [])) params.append('device', id);
  if (view.order !== 'newest') params.set('order', view.order);
  const query = params.toString();
  return query === '' ? '' : `?${query}`;
}

/** Another site has other devices and another span of time; only the order of the rows is a habit of the reader. */
export function viewOfSite(site: string, current: View): View {
  return { site, range: null, devices: null, order: current.order };
}
