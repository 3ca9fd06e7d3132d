/** The calls about one site; an id is opaque and may hold a slash, a question mark, anything. */
import { type Connection, send, sendForJson } from './request';
import { ApiError } from './request-failure';
import type { DeviceList, SiteAggregates, SiteReadings, SiteSummary } from './types';

export interface Selection {
  site: string;
  /** RFC 3339 or, for example, `now-3d`; the range begins with it and ends before `end`. */
  start?: string;
  /** Without it the range ends now. */
  end?: string;
  /** Null for all. */
  devices: readonly string[] | null;
}

export interface AggregatesQuery extends Selection {
  zone: string;
  /** Null for the shortest one with at most `points` buckets. */
  interval: string | null;
  points?: number;
  /** Whether buckets that have nothing are listed, too. */
  isFilled?: boolean;
  isSummed?: boolean;
}

export interface PageQuery extends Selection {
  order: 'asc' | 'desc';
  limit: number;
  cursor?: string | null;
}

export type SiteClient = ReturnType<typeof createSiteClient>;

export function createSiteClient(connection: Connection) {
  const get = <T>(path: string, signal: AbortSignal) =>
    sendForJson<T>(connection, path, { scope: 'read', signal });
  /** Null for a site that has no readings. */
  const orNull = async <T>(request: Promise<T>): Promise<T | null> =>
    request.catch((error: unknown) => {
      const { failure } = error as Partial<ApiError>;
      if (failure?.kind === 'errorStatus' && failure.code === 'site_not_found') return null;
      throw error;
    });
  return {
    getSummary: (site: string, signal: AbortSignal) => orNull(get<SiteSummary>(sitePath(site), signal)),
    getDevices: (site: string, signal: AbortSignal) =>
      orNull(get<DeviceList>(`${sitePath(site)}/devices`, signal)),
    getAggregates: (query: AggregatesQuery, signal: AbortSignal) =>
      get<SiteAggregates>(`${sitePath(query.site)}/aggregates${aggregatesQuery(query)}`, signal),
    getPage: ({ order, limit, cursor = null, ...selection }: PageQuery, signal: AbortSignal) => {
      const page = { order, limit: String(limit), cursor };
      return get<SiteReadings>(`${sitePath(selection.site)}/readings${queryOf(selection, page)}`, signal);
    },
    /** For good. */
    deleteReading: async (site: string, streamId: string): Promise<void> => {
      const path = `${sitePath(site)}/readings/${encodeURIComponent(streamId)}`;
      await send(connection, path, { scope: 'operate', method: 'DELETE' });
    },
    /** The events of a site, which do not end, after the last one that was received. */
    openEvents: async (site: string, lastEventId: string | null, signal: AbortSignal) => {
      const headers = {
        Accept: 'text/event-stream',
        ...(lastEventId !== null && { 'Last-Event-ID': lastEventId }),
      };
      const path = `${sitePath(site)}/events`;
      const { body } = await send(connection, path, { scope: 'read', headers, signal, timeoutMs: null });
      if (body === null) throw new ApiError({ kind: 'noResponse', reason: 'malformed' });
      return body;
    },
    /** All readings of a selection as CSV. */
    getCsv: async (selection: Selection, signal?: AbortSignal): Promise<Blob> => {
      const options = { scope: 'read' as const, timeoutMs: null, ...(signal && { signal }) };
      return (await send(connection, csvPath(selection), options)).blob();
    },
  };
}

/** For a link that saves the file, where no API key has to be sent. */
export function csvPath(selection: Selection): string {
  return `${sitePath(selection.site)}/readings${queryOf(selection, { format: 'csv' })}`;
}

function aggregatesQuery({
  zone,
  interval,
  points,
  isFilled,
  isSummed,
  ...selection
}: AggregatesQuery): string {
  return queryOf(selection, {
    tz: zone,
    interval,
    points: points === undefined ? null : String(points),
    fill: isFilled === true ? 'null' : null,
    combine: isSummed === true ? 'sum' : null,
  });
}

function queryOf({ start, end, devices }: Selection, rest: Record<string, string | null>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries({ start, end, ...rest }))
    if (value !== undefined && value !== null) params.set(name, value);
  for (const id of devices ?? []) params.append('device_id', id);
  return `?${params}`;
}

/** The URL standard resolves these, written as %2E too, before a request is sent. */
export function isUnnamable(site: string): boolean {
  return site === '.' || site === '..';
}

function sitePath(site: string): string {
  if (isUnnamable(site)) throw new ApiError({ kind: 'noResponse', reason: 'impossibleSite' });
  return `/api/sites/${encodeURIComponent(site)}`;
}
