/** One request to a service; each rejects with an `ApiError`, or with an `AbortError` when it was aborted. */
import type { Scope } from './key-rejection';
import { ApiError, failureFromResponse, toRequestFailure } from './request-failure';

export interface RequestOptions {
  /** The scope that an API key needs for it. */
  scope: Scope;
  method?: 'GET' | 'POST' | 'DELETE';
  /** Parameters that are null are left out. */
  query?: Record<string, string | null>;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
  /** Without a response for this long the request fails; null waits for ever. */
  timeoutMs?: number | null;
}

export interface Connection {
  fetch: typeof fetch;
  /** The API key that requests are sent with; null for none. */
  key(): string | null;
}

const TIMEOUT_MS = 10_000;

export async function send(connection: Connection, path: string, options: RequestOptions): Promise<Response> {
  const { scope, timeoutMs = TIMEOUT_MS, query = {}, headers, signal, ...rest } = options;
  const limits = [signal, timeoutMs === null ? undefined : AbortSignal.timeout(timeoutMs)];
  const signals = limits.filter((each) => each !== undefined);
  const response = await connection
    .fetch(path + queryOf(query), {
      cache: 'no-store',
      ...rest,
      headers: { ...headers, ...authorization(connection.key()) },
      ...(signals.length > 0 && { signal: AbortSignal.any(signals) }),
    })
    .catch((error: unknown) => {
      throw new ApiError(toRequestFailure(error));
    });
  if (!response.ok) throw new ApiError(await failureFromResponse(response, scope));
  return response;
}

export async function sendForJson<T>(
  connection: Connection,
  path: string,
  options: RequestOptions,
): Promise<T> {
  const response = await send(connection, path, options);
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw new ApiError(toRequestFailure(error));
  }
}

function queryOf(parameters: Record<string, string | null>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== null);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

/** The header of RFC 6750, section 2.1; none without a key. */
function authorization(key: string | null): Record<string, string> {
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}
