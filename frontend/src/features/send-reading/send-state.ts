import { signal } from '@preact/signals';
import { postReading } from '../../api/client';
import { isStored } from '../../api/is-stored';
import { type RequestFailure, toRequestFailure } from '../../api/request-failure';
import type { NewReading } from '../../api/types';
import { pollUntilStored } from './poll-until-stored';

/** The outcome of the last reading that was sent. */
export type Outcome =
  | { phase: 'none' }
  | { phase: 'sending' }
  | { phase: 'failed'; failure: RequestFailure }
  | { phase: 'accepted'; site: string; streamId: string }
  | { phase: 'stored'; site: string; streamId: string; afterMs: number }
  | { phase: 'late'; site: string; streamId: string }
  /** Accepted; whether it is stored is not shown, since the API key does not read. */
  | { phase: 'unread'; site: string; streamId: string; failure: RequestFailure };

export const outcome = signal<Outcome>({ phase: 'none' });

let polling: AbortController | null = null;

/** Sends a reading and polls until it is stored; resolves with true when it was. */
export async function send(reading: NewReading): Promise<boolean> {
  polling?.abort();
  const own = new AbortController();
  polling = own;
  outcome.value = { phase: 'sending' };
  try {
    const { stream_id } = await postReading(reading);
    return await waitUntilStored(reading.site_id, stream_id, own.signal);
  } catch (error) {
    if (!own.signal.aborted) outcome.value = { phase: 'failed', failure: toRequestFailure(error) };
    return false;
  }
}

async function waitUntilStored(site: string, streamId: string, abort: AbortSignal): Promise<boolean> {
  outcome.value = { phase: 'accepted', site, streamId };
  try {
    const afterMs = await pollUntilStored((signal) => isStored(site, streamId, signal), abort);
    outcome.value =
      afterMs === null ? { phase: 'late', site, streamId } : { phase: 'stored', site, streamId, afterMs };
    return afterMs !== null;
  } catch (error) {
    if (!abort.aborted) outcome.value = { phase: 'unread', site, streamId, failure: toRequestFailure(error) };
    return false;
  }
}

/** Removes an outcome that was due to the API key, once that has changed. */
export function forgetKeyRejection(): void {
  const last = outcome.value;
  if (last.phase === 'failed' && last.failure.kind === 'keyRejected') outcome.value = { phase: 'none' };
}

/** For an error that the browser finds, in a field whose content cannot be sent. */
export function failWith(failure: RequestFailure): void {
  polling?.abort();
  outcome.value = { phase: 'failed', failure };
}
