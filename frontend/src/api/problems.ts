/** What can go wrong with a request, in the words of the person who made it. */
import type { Fault, NewReading } from './types';

export type ReadingField = keyof NewReading;
export type FieldErrors = Partial<Record<ReadingField, string[]>>;

export type Problem =
  /** 422: the faults that belong to a field, and those that belong to none. */
  | { kind: 'invalid'; fields: FieldErrors; form: string[] }
  /** Any other answer that is not a success. */
  | { kind: 'refused'; status: number; message: string; retryAfterSeconds: number | null }
  /** No answer, or none that could be read. */
  | { kind: 'unreachable'; message: string };

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(describe(problem));
    this.name = 'ApiError';
  }
}

const FIELDS: ReadonlySet<string> = new Set<ReadingField>([
  'site_id',
  'device_id',
  'power_reading',
  'timestamp',
]);

export async function problemFrom(response: Response): Promise<Problem> {
  const detail = await detailOf(response);
  if (response.status === 422 && Array.isArray(detail)) return invalid(detail);
  const said = typeof detail === 'string' ? detail : null;
  return {
    kind: 'refused',
    status: response.status,
    message: refusal(response.status, said),
    retryAfterSeconds: retryAfter(response.headers.get('Retry-After'), Date.now()),
  };
}

/** Every error of the services is `{"detail": …}`; a proxy in between may answer anything. */
async function detailOf(response: Response): Promise<unknown> {
  try {
    return ((await response.json()) as { detail?: unknown } | null)?.detail;
  } catch {
    return undefined;
  }
}

/** `loc` is `["body", "<field>"]`; anything else (`["body", 11]` of malformed JSON) is about the whole. */
export function invalid(faults: Fault[]): Problem {
  const fields: FieldErrors = {};
  const form: string[] = [];
  for (const { loc, msg } of faults) {
    const name = loc[0] === 'body' && loc.length === 2 ? String(loc[1]) : '';
    if (!FIELDS.has(name)) form.push(msg);
    else {
      const field = name as ReadingField;
      fields[field] = [...(fields[field] ?? []), msg];
    }
  }
  return { kind: 'invalid', fields, form };
}

function refusal(status: number, said: string | null): string {
  const suffix = said === null ? '' : ` (${said})`;
  if (status === 413) return `The request is larger than the service takes${suffix}.`;
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

/** One sentence or more for a message that stands alone. */
export function describe(problem: Problem): string {
  if (problem.kind === 'invalid') return [...Object.values(problem.fields).flat(), ...problem.form].join(' ');
  if (problem.kind === 'unreachable') return problem.message;
  const wait = problem.retryAfterSeconds;
  return wait === null ? problem.message : `${problem.message} Try again in ${wait} s.`;
}

/** Whatever was thrown, as a problem; an aborted request is none and is thrown on. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  if (error instanceof DOMException && error.name === 'AbortError') throw error;
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { kind: 'unreachable', message: 'The service did not answer in time.' };
  }
  if (error instanceof SyntaxError) {
    return { kind: 'unreachable', message: 'The answer was cut off, or is not one this page understands.' };
  }
  // `fetch` and body readers reject with a TypeError that says nothing a person could use.
  return { kind: 'unreachable', message: 'The service could not be reached, or the connection broke.' };
}
