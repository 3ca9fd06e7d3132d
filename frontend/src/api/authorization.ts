/**
 * The API key that requests are sent with. The page's thread has one, and each worker that of the task it was given:
 * a worker has no storage.
 */
let key: string | null = null;

export function setRequestKey(next: string | null): void {
  key = next;
}

export function requestKey(): string | null {
  return key;
}

/** The header of RFC 6750, section 2.1; none without a key. */
export function authorization(): Record<string, string> {
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}
