/** The state of the receivers, for operators; null where it is not known, while the rest of the panel goes on. */
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Client } from '../../api/client';
import type { Receiver } from '../../api/types';
import type { Environment } from '../../app/environment';
import { type Polling, pollWhileVisible } from '../../app/polling';

export interface ReceiversState extends Polling {
  receivers: ReadonlySignal<readonly Receiver[] | null>;
}

const POLL_MS = 5_000;
/** Until the pipeline has been asked, which costs no request here. */
const NOT_OFFERED_MS = 500;
/** An earlier server has no such path, and a Redis user may lack the right; neither changes often. */
const RETRY_MS = 60_000;
const TIMEOUT_MS = 5_000;

/** Asks only while the state of the pipeline `isOffered`: otherwise each request would be rejected. */
export function createReceiversState(
  client: Pick<Client, 'getReceivers'>,
  isOffered: ReadonlySignal<boolean>,
  { visibility }: Pick<Environment, 'visibility'>,
): ReceiversState {
  const receivers = signal<readonly Receiver[] | null>(null);
  let wasKnown = false;
  const check = async () => {
    if (!isOffered.peek()) return NOT_OFFERED_MS;
    try {
      receivers.value = (await client.getReceivers(TIMEOUT_MS)).receivers;
      wasKnown = true;
      return POLL_MS;
    } catch {
      receivers.value = null;
      // What was known once comes back after an outage.
      return wasKnown ? POLL_MS : RETRY_MS;
    }
  };
  return { receivers, ...pollWhileVisible(visibility, check) };
}
