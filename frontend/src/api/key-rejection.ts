/** Requests that a service rejects because of their API key: 401 and 403 with one of these codes. */

/** What the page asks for: sites and readings, to send one, or the pipeline. */
export type Scope = 'read' | 'write' | 'operate';

const CODES = [
  'api_key_missing',
  'api_key_invalid',
  'api_key_expired',
  'scope_missing',
  'site_forbidden',
] as const;

export type KeyRejectionCode = (typeof CODES)[number];

/** Null of any other error: the 401 of a proxy is not about our keys, and must not be given one. */
export function keyRejectionCode(status: number, code: unknown): KeyRejectionCode | null {
  if (status !== 401 && status !== 403) return null;
  return CODES.find((each) => each === code) ?? null;
}
