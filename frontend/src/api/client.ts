/** The calls that this page sends. */

import { type Connection, type RequestOptions, send, sendForJson } from './request';
import { ApiError } from './request-failure';
import type {
  Accepted,
  DeadLetters,
  IngestionHealth,
  NewReading,
  PipelineState,
  ProcessingHealth,
  Receivers,
  Retried,
  SiteReadings,
  Sites,
} from './types';

const POST_TIMEOUT_MS = 15_000;

/** The readings of one device in a range of time. */
export interface ReadingsRange {
  site: string;
  device: string;
  /** RFC 3339; the range begins with it and ends before `end`. */
  start: string;
  end: string;
  limit: number;
}

/** The sites whose ids begin with `prefix`, from the first one or from a cursor on. */
export interface SitesPage {
  prefix: string;
  cursor: string | null;
  limit: number;
}

export type Client = ReturnType<typeof createClient>;

export function createClient(connection: Connection) {
  const get = <T>(path: string, options: Partial<RequestOptions> = {}) =>
    sendForJson<T>(connection, path, { scope: 'read', ...options });
  return {
    /** The same reading with the same key is accepted once. */
    postReading: (reading: NewReading, idempotencyKey: string) =>
      sendForJson<Accepted>(connection, '/api/readings', {
        scope: 'write',
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': idempotencyKey },
        body: JSON.stringify(reading),
        timeoutMs: POST_TIMEOUT_MS,
      }),
    /** A page of the list of sites. */
    getSites: ({ prefix, cursor, limit }: SitesPage) =>
      get<Sites>('/api/sites', { query: { prefix: prefix || null, limit: String(limit), cursor } }),
    /** The newest readings of a range. */
    getReadings: ({ site, device, start, end, limit }: ReadingsRange, signal: AbortSignal) => {
      const query = { device_id: device, start, end, limit: String(limit), order: 'desc' };
      return get<SiteReadings>(readingsPath(site), { query, signal });
    },
    getIngestionHealth: (timeoutMs: number) => get<IngestionHealth>('/ingestion/health', { timeoutMs }),
    getProcessingHealth: (timeoutMs: number) => get<ProcessingHealth>('/api/health', { timeoutMs }),
    getPipeline: (timeoutMs: number) => get<PipelineState>('/api/pipeline', { scope: 'operate', timeoutMs }),
    getReceivers: (timeoutMs: number) =>
      get<Receivers>('/api/pipeline/receivers', { scope: 'operate', timeoutMs }),
    getDeadLetters: (cursor: string | null, limit: number) =>
      get<DeadLetters>('/api/pipeline/dead-letters', {
        scope: 'operate',
        query: { cursor, limit: String(limit) },
      }),
    retryDeadLetter: (id: string) =>
      get<Retried>(`${deadLetterPath(id)}/retry`, { scope: 'operate', method: 'POST' }),
    deleteDeadLetter: async (id: string): Promise<void> => {
      await send(connection, deadLetterPath(id), { scope: 'operate', method: 'DELETE' });
    },
  };
}

/** An id is opaque and may hold a slash, a question mark, anything: the service decodes the path once. */
function readingsPath(site: string): string {
  // The URL standard resolves these, written as %2E too, before a request is sent.
  if (site === '.' || site === '..') throw new ApiError({ kind: 'noResponse', reason: 'impossibleSite' });
  return `/api/sites/${encodeURIComponent(site)}/readings`;
}

function deadLetterPath(id: string): string {
  return `/api/pipeline/dead-letters/${encodeURIComponent(id)}`;
}
