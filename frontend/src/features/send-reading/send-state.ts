import { signal } from '@preact/signals';
import { postReading } from '../../api/client';
import { isStored } from '../../api/is-stored';
import { type Problem, problemOf } from '../../api/problems';
import type { NewReading } from '../../api/types';
import { untilStored } from './follow';

/** What became of the last reading that was sent. */
export type Outcome =
  | { phase: 'none' }
  | { phase: 'sending' }
  | { phase: 'failed'; problem: Problem }
  | { phase: 'accepted'; site: string; streamId: string }
  | { phase: 'stored'; site: string; streamId: string; afterMs: number }
  | { phase: 'late'; site: string; streamId: string };

export const outcome = signal<Outcome>({ phase: 'none' });

let following: AbortController | null = null;

/** Sends a reading and follows it until it is stored; resolves with true when it was. */
export async function send(reading: NewReading): Promise<boolean> {
  following?.abort();
  const own = new AbortController();
  following = own;
  outcome.value = { phase: 'sending' };
  try {
    const { stream_id } = await postReading(reading);
    return await follow(reading.site_id, stream_id, own.signal);
  } catch (error) {
    if (!own.signal.aborted) outcome.value = { phase: 'failed', problem: problemOf(error) };
    return false;
  }
}

async function follow(site: string, streamId: string, calledOff: AbortSignal): Promise<boolean> {
  outcome.value = { phase: 'accepted', site, streamId };
  const afterMs = await untilStored((signal) => isStored(site, streamId, signal), calledOff);
  outcome.value =
    afterMs === null ? { phase: 'late', site, streamId } : { phase: 'stored', site, streamId, afterMs };
  return afterMs !== null;
}

/** For a fault that the browser finds, in a field whose content no request could carry. */
export function refuse(problem: Problem): void {
  following?.abort();
  outcome.value = { phase: 'failed', problem };
}
