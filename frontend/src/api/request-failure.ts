/** Why a request failed, in words for the user of the page. */
import { describeKeyRejection, type KeyRejectionCode, keyRejectionCode, type Scope } from './key-rejection';
import type { NewReading, ValidationError } from './types';

export type ReadingField = keyof NewReading;
export type FieldErrors = Partial<Record<ReadingField, string[]>>;

export type RequestFailure =
  /** 422: validation errors of single fields, and of the request as a whole. */
  | { kind: 'invalid'; fields: FieldErrors; form: string[] }
  /** 401 or 403 because of the API key. */
  | { kind: 'keyRejected'; code: KeyRejectionCode; scope: Scope }
  /** Any other status that is not a success. */
  | {
      kind: 'errorStatus';
      status: number;
      message: string;
      retryAfterSeconds: number | null;
      requestId: string | null;
    }
  /** No response, or one that cannot be parsed. */
  | { kind: 'unreachable'; message: string };

export class ApiError extends Error {
  constructor(readonly failure: RequestFailure) {
    super(toMessage(failure));
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
  const text = typeof detail === 'string' ? detail : null;
  return {
    kind: 'errorStatus',
    status: response.status,
    message: messageForStatus(response.status, text),
    retryAfterSeconds: retryAfter(response.headers.get('Retry-After'), Date.now()),
    requestId: typeof request_id === 'string' ? request_id : null,
  };
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

/** `loc` is `["body", "<field>"]`; anything else (`["body", 11]` of malformed JSON) concerns the request as a whole. */
export function invalid(errors: ValidationError[]): RequestFailure {
  const fields: FieldErrors = {};
  const form: string[] = [];
  for (const { loc, msg } of errors) {
    const name = loc[0] === 'body' && loc.length === 2 ? String(loc[1]) : '';
    if (!FIELDS.has(name)) form.push(msg);
    else {
      const field = name as ReadingField;
      fields[field] = [...(fields[field] ?? []), msg];
    }
  }
  return { kind: 'invalid', fields, form };
}

function messageForStatus(status: number, detail: string | null): string {
  const suffix = detail === null ? '' : ` (${detail})`;
  if (status === 413) return `The request is larger than the service accepts${suffix}.`;
  if (status === 429) return `Too many requests${suffix}.`;
  if (status === 502 || status === 504) return `The service behind this page does not answer${suffix}.`;
  if (status === 503) return `The service cannot do this right now${suffix}.`;
  return `The service answered ${status}${suffix}.`;
}

/** The header holds seconds or a date (RFC 9110, 10.2.3). */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}

/** One sentence or more, for a message without a form around it. */
export function toMessage(failure: RequestFailure): string {
  if (failure.kind === 'invalid') return [...Object.values(failure.fields).flat(), ...failure.form].join(' ');
  if (failure.kind === 'unreachable') return failure.message;
  if (failure.kind === 'keyRejected') return describeKeyRejection(failure.code, failure.scope);
  const { message, retryAfterSeconds: wait, requestId } = failure;
  return [
    message,
    ...(wait === null ? [] : [`Try again in ${wait} s.`]),
    // The services log it: an operator finds the cause by it.
    ...(requestId === null ? [] : [`Request id: ${requestId}`]),
  ].join(' ');
}

/** Converts what was thrown; an aborted request is not a failure and is thrown again. */
export function toRequestFailure(error: unknown): RequestFailure {
  if (error instanceof ApiError) return error.failure;
  if (error instanceof DOMException && error.name === 'AbortError') throw error;
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { kind: 'unreachable', message: 'The service did not answer in time.' };
  }
  if (error instanceof SyntaxError) {
    return { kind: 'unreachable', message: 'The response was cut off, or this page cannot parse it.' };
  }
  // `fetch` and body readers reject with a TypeError whose text is of no use to a user.
  return { kind: 'unreachable', message: 'The service could not be reached, or the connection broke.' };
}
