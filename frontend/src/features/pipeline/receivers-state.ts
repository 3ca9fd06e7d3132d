/** The state of the receivers, for operators who open it; the rest of the panel goes on where it is not known. */
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Client } from '../../api/client';
import { type RequestFailure, toRequestFailure } from '../../api/request-failure';
import type { ReceiverSummary as Receiver } from '../../api/types';
import type { Environment } from '../../app/environment';
import { type Polling, pollWhileVisible } from '../../app/polling';

export interface ReceiversState extends Polling {
  receivers: ReadonlySignal<readonly Receiver[] | null>;
  failure: ReadonlySignal<RequestFailure | null>;
  /** It is asked for while it is open only. */
  setOpen(isOpen: boolean): void;
}

const POLL_MS = 5_000;
/** While nothing is asked for. */
const IDLE_MS = 1_000;
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
  const failure = signal<RequestFailure | null>(null);
  let isOpen = false;
  let wasKnown = false;
  const check = async () => {
    if (!isOpen || !isOffered.peek()) return IDLE_MS;
    try {
      receivers.value = (await client.getReceivers(TIMEOUT_MS)).receivers;
      failure.value = null;
      wasKnown = true;
      return POLL_MS;
    } catch (error) {
      receivers.value = null;
      failure.value = toRequestFailure(error);
      // What was known once comes back after an outage.
      return wasKnown ? POLL_MS : RETRY_MS;
    }
  };
  const polling = pollWhileVisible(visibility, check);
  return {
    receivers,
    failure,
    setOpen(next) {
      isOpen = next;
      if (next) polling.runNow();
    },
    ...polling,
  };
}
