/** The calls this page makes; each rejects with an `ApiError`, or with an `AbortError` when it was aborted. */
import { authorization } from './authorization';
import type { Scope } from './key-rejection';
import { ApiError, failureFromResponse, toRequestFailure } from './request-failure';
import type { Accepted, HealthReport, NewReading, SiteSummary } from './types';

const POST_TIMEOUT_MS = 15_000;
const GET_TIMEOUT_MS = 10_000;

export async function postReading(reading: NewReading): Promise<Accepted> {
  const response = await request('write', '/api/readings', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(reading),
    signal: AbortSignal.timeout(POST_TIMEOUT_MS),
  });
  return readJson<Accepted>(response);
}

/** The sites of the service, or null from one that does not list them: the list is not part of the contract. */
export async function getSites(): Promise<SiteSummary[] | null> {
  const response = await request(
    'read',
    '/api/sites',
    { signal: AbortSignal.timeout(GET_TIMEOUT_MS) },
    [404],
  );
  if (response.status === 404) return null;
  return (await readJson<{ sites: SiteSummary[] }>(response)).sites;
}

export async function getHealth(): Promise<HealthReport> {
  const response = await request('read', '/api/health', { signal: AbortSignal.timeout(GET_TIMEOUT_MS) });
  return readJson<HealthReport>(response);
}

/** All stored readings of a site, oldest first; the caller reads the body, which may be very long. */
export async function openReadings(site: string, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const response = await request('read', readingsPath(site), signal === undefined ? {} : { signal });
  if (response.body === null)
    throw new ApiError({ kind: 'unreachable', message: 'The response has no body.' });
  return response.body;
}

/** An id is opaque and may hold a slash, a question mark, anything: the service decodes the path once. */
export function readingsPath(site: string): string {
  if (site === '.' || site === '..') {
    // The URL standard resolves these, written as %2E too, before a request is made.
    const message = `A browser cannot ask for a site named “${site}”.`;
    throw new ApiError({ kind: 'unreachable', message });
  }
  return `/api/sites/${encodeURIComponent(site)}/readings`;
}

async function request(
  scope: Scope,
  path: string,
  init: RequestInit & { headers?: Record<string, string> },
  allowedStatuses: number[] = [],
): Promise<Response> {
  const headers = { ...init.headers, ...authorization() };
  const response = await fetch(path, { cache: 'no-store', ...init, headers }).catch((error: unknown) => {
    throw new ApiError(toRequestFailure(error));
  });
  if (!response.ok && !allowedStatuses.includes(response.status))
    throw new ApiError(await failureFromResponse(response, scope));
  return response;
}

async function readJson<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw new ApiError(toRequestFailure(error));
  }
}
