/** Storing is asynchronous: a 201 means “in the stream”. The page polls until the reading is stored and shows that. */
import { ApiError } from '../../api/request-failure';

const INITIAL_DELAY_MS = 50;
const MAX_DELAY_MS = 3000;
export const POLL_TIMEOUT_MS = 30_000;

/**
 * Polls until a reading is stored; resolves with the milliseconds that took, or with null after `POLL_TIMEOUT_MS`.
 * The delay between two requests is at least twice the time of the last response: a site with a million readings, where
 * each request is expensive, is polled rarely. A failed request counts as “not stored yet”, but one that is rejected
 * because of its API key rejects: every further one would be.
 */
export async function pollUntilStored(
  isStored: (signal: AbortSignal) => Promise<boolean>,
  abort: AbortSignal,
): Promise<number | null> {
  const startedAt = performance.now();
  const elapsed = () => performance.now() - startedAt;
  const signal = AbortSignal.any([abort, AbortSignal.timeout(POLL_TIMEOUT_MS)]);
  for (let delay = INITIAL_DELAY_MS; elapsed() < POLL_TIMEOUT_MS; delay = Math.min(delay * 2, MAX_DELAY_MS)) {
    const requestedAt = elapsed();
    if (await isStored(signal).catch(unlessKeyRejected)) return elapsed();
    abort.throwIfAborted();
    const wanted = Math.max(delay, 2 * (elapsed() - requestedAt));
    await sleep(Math.min(wanted, POLL_TIMEOUT_MS - elapsed()));
    abort.throwIfAborted();
  }
  return null;
}

function unlessKeyRejected(error: unknown): false {
  if (error instanceof ApiError && error.failure.kind === 'keyRejected') throw error;
  return false;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
