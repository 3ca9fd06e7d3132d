/** Why a request failed, without words: `ui/failure-text.ts` has those, in the language of the page. */
import { type KeyRejectionCode, keyRejectionCode, type Scope } from './key-rejection';
import type { NewReading } from './types';

export type ReadingField = keyof NewReading;

/** A rule that a field breaks; `type` is the service's, or one of this page's own (`decimal_…`, `time_incomplete`). */
export interface FieldError {
  type: string;
  /** The rule as a sentence of the service, in English. */
  msg?: string;
  ctx?: Record<string, unknown>;
}

export type FieldErrors = Partial<Record<ReadingField, FieldError[]>>;

export type NoResponseReason =
  | 'unreachable'
  | 'timeout'
  /** Cut off, or not what this page can parse. */
  | 'malformed'
  | 'workerFailed'
  /** A site named `.` or `..`. */
  | 'impossibleSite';

export type RequestFailure =
  /** 422: validation errors of single fields, and of the request as a whole. */
  | { kind: 'invalid'; fields: FieldErrors; form: FieldError[] }
  /** 401 or 403 because of the API key. */
  | { kind: 'keyRejected'; code: KeyRejectionCode; scope: Scope }
  /** Any other status that is not a success. */
  | {
      kind: 'errorStatus';
      status: number;
      code: string | null;
      detail: string | null;
      retryAfterSeconds: number | null;
      requestId: string | null;
    }
  | { kind: 'noResponse'; reason: NoResponseReason };

export class ApiError extends Error {
  constructor(readonly failure: RequestFailure) {
    super(failure.kind);
    this.name = 'ApiError';
  }
}

const FIELDS: ReadonlySet<string> = new Set<ReadingField>([
  'site_id',
  'device_id',
  'power_reading',
  'timestamp',
]);

/** `scope` is the one that the request needs. */
export async function failureFromResponse(response: Response, scope: Scope): Promise<RequestFailure> {
  const { detail, code, request_id } = await bodyOf(response);
  if (response.status === 422 && Array.isArray(detail)) return invalid(detail);
  const keyRejection = keyRejectionCode(response.status, code);
  if (keyRejection !== null) return { kind: 'keyRejected', code: keyRejection, scope };
  return {
    kind: 'errorStatus',
    status: response.status,
    code: textOf(code),
    detail: textOf(detail),
    retryAfterSeconds: retryAfter(response.headers.get('Retry-After'), Date.now()),
    requestId: textOf(request_id),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Every error body of the services has `detail`; a proxy in between may respond with anything. */
async function bodyOf(
  response: Response,
): Promise<{ detail?: unknown; code?: unknown; request_id?: unknown }> {
  try {
    return ((await response.json()) as object | null) ?? {};
  } catch {
    return {};
  }
}

interface Located extends FieldError {
  loc: readonly (string | number)[];
}

/** `loc` is `["body", "<field>"]`; anything else (`["body", 11]` of malformed JSON) concerns the request as a whole. */
export function invalid(errors: readonly Located[]): RequestFailure {
  const fields: FieldErrors = {};
  const form: FieldError[] = [];
  for (const { loc, ...error } of errors) {
    const name = loc[0] === 'body' && loc.length === 2 ? String(loc[1]) : '';
    if (!FIELDS.has(name)) form.push(error);
    else {
      const field = name as ReadingField;
      fields[field] = [...(fields[field] ?? []), error];
    }
  }
  return { kind: 'invalid', fields, form };
}

/** The header holds seconds or a date (RFC 9110, 10.2.3). */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}

/** Whether the service may have done what the request asked for. */
export function isOutcomeUnknown(failure: RequestFailure): boolean {
  if (failure.kind === 'noResponse') return failure.reason !== 'impossibleSite';
  if (failure.kind !== 'errorStatus') return false;
  return failure.code === 'outcome_unknown' || failure.status === 502 || failure.status === 504;
}

/** Converts what was thrown; an aborted request is not a failure and is thrown again. */
export function toRequestFailure(error: unknown): RequestFailure {
  if (error instanceof ApiError) return error.failure;
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  if (name === 'AbortError') throw error;
  if (name === 'TimeoutError') return { kind: 'noResponse', reason: 'timeout' };
  if (name === 'SyntaxError') return { kind: 'noResponse', reason: 'malformed' };
  // `fetch` and body readers reject with a TypeError whose text is of no use to a user.
  return { kind: 'noResponse', reason: 'unreachable' };
}
