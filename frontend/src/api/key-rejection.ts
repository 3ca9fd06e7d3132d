/** Requests that a service rejects because of their API key: 401 and 403 with one of these codes. */

/** What the page asks for: sites and readings, or to send one. */
export type Scope = 'read' | 'write';

const SENTENCES = {
  api_key_missing: () => 'This server needs an API key.',
  api_key_invalid: () => 'The server does not know this API key, or it was revoked.',
  api_key_expired: () => 'This API key has expired.',
  scope_missing: (scope: Scope) => `This API key lacks the scope “${scope}”.`,
  site_forbidden: () => 'This API key is not valid for this site.',
};

export type KeyRejectionCode = keyof typeof SENTENCES;

/** Null of any other error: the 401 of a proxy is not about our keys, and must not be given one. */
export function keyRejectionCode(status: number, code: unknown): KeyRejectionCode | null {
  if (status !== 401 && status !== 403) return null;
  return typeof code === 'string' && Object.hasOwn(SENTENCES, code) ? (code as KeyRejectionCode) : null;
}

export function describeKeyRejection(code: KeyRejectionCode, scope: Scope): string {
  return SENTENCES[code](scope);
}
