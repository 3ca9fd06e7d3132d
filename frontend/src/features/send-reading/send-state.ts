/** Sending the draft: each draft is accepted once, however often it is sent. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { Client } from '../../api/client';
import {
  type FieldErrors,
  isOutcomeUnknown,
  type ReadingField,
  type RequestFailure,
  toRequestFailure,
} from '../../api/request-failure';
import type { NewReading } from '../../api/types';
import type { DraftState } from './draft-state';
import { newIdempotencyKey } from './idempotency-key';
import { isStored } from './is-stored';
import { pollUntilStored } from './poll-until-stored';

/** The outcome of the last reading that was sent. */
export type Outcome =
  | { phase: 'none' }
  | { phase: 'sending' }
  | { phase: 'failed'; failure: RequestFailure }
  | ({ phase: 'accepted' } & Accepted)
  | ({ phase: 'stored'; afterMs: number } & Accepted)
  | ({ phase: 'late' } & Accepted)
  /** Accepted; whether it is stored is not shown, since the API key does not read. */
  | ({ phase: 'unread'; failure: RequestFailure } & Accepted);

interface Accepted {
  site: string;
  streamId: string;
  /** The same draft had been accepted before: this is its first response again. */
  isRepeat: boolean;
}

/** A draft on its way, kept until the draft changes. */
interface Attempt {
  fingerprint: string;
  idempotencyKey: string;
  reading: NewReading;
  isAccepted: boolean;
}

export interface SendState {
  outcome: ReadonlySignal<Outcome>;
  fieldErrors: ReadonlySignal<FieldErrors>;
  /** Sends the draft, and again the same request when the draft did not change since. */
  send(): Promise<void>;
  /** The next time that it is sent the draft is another reading. */
  startNew(): void;
  /** The field is being corrected. */
  forgetError(field: ReadingField): void;
  /** Removes an outcome that was due to the API key, once that has changed. */
  forgetKeyRejection(): void;
}

interface Dependencies {
  client: Pick<Client, 'postReading' | 'getReadings'>;
  draft: DraftState;
  onStored(site: string): void;
  /** A request has failed. */
  onFailed(): void;
}

export function createSendState({ client, draft, onStored, onFailed }: Dependencies): SendState {
  const outcome = signal<Outcome>({ phase: 'none' });
  const corrected = signal<readonly ReadingField[]>([]);
  let attempt: Attempt | null = null;
  let polling: AbortController | null = null;

  const attemptOfDraft = (): Attempt => {
    const fingerprint = draft.fingerprint();
    if (attempt?.fingerprint === fingerprint) return attempt;
    return { fingerprint, idempotencyKey: newIdempotencyKey(), reading: draft.reading(), isAccepted: false };
  };
  const fail = (failure: RequestFailure) => {
    corrected.value = [];
    outcome.value = { phase: 'failed', failure };
  };
  const post = async (current: Attempt, abort: AbortSignal) => {
    const { stream_id } = await client.postReading(current.reading, current.idempotencyKey);
    const accepted = { site: current.reading.site_id, streamId: stream_id, isRepeat: current.isAccepted };
    current.isAccepted = true;
    outcome.value = { phase: 'accepted', ...accepted };
    try {
      const ask = (signal: AbortSignal) => isStored(client, current.reading, stream_id, signal);
      const afterMs = await pollUntilStored(ask, abort);
      outcome.value =
        afterMs === null ? { phase: 'late', ...accepted } : { phase: 'stored', ...accepted, afterMs };
      if (afterMs !== null) onStored(accepted.site);
    } catch (error) {
      if (!abort.aborted) outcome.value = { phase: 'unread', ...accepted, failure: toRequestFailure(error) };
    }
  };

  return {
    outcome,
    fieldErrors: computed(() => errorsOf(outcome.value, corrected.value)),
    async send() {
      if (outcome.peek().phase === 'sending') return;
      polling?.abort();
      const errors = draft.errors();
      if (Object.keys(errors).length > 0) return fail({ kind: 'invalid', fields: errors, form: [] });
      const current = attemptOfDraft();
      attempt = current;
      polling = new AbortController();
      outcome.value = { phase: 'sending' };
      try {
        await post(current, polling.signal);
      } catch (error) {
        const failure = toRequestFailure(error);
        if (!isOutcomeUnknown(failure)) attempt = null;
        fail(failure);
        onFailed();
      }
    },
    startNew() {
      attempt = null;
      polling?.abort();
      draft.power.value = '';
      draft.time.setNow();
      outcome.value = { phase: 'none' };
    },
    forgetError(field) {
      if (!corrected.peek().includes(field)) corrected.value = [...corrected.peek(), field];
    },
    forgetKeyRejection() {
      const last = outcome.peek();
      if (last.phase === 'failed' && last.failure.kind === 'keyRejected') outcome.value = { phase: 'none' };
    },
  };
}

function errorsOf(outcome: Outcome, corrected: readonly ReadingField[]): FieldErrors {
  if (outcome.phase !== 'failed' || outcome.failure.kind !== 'invalid') return {};
  const entries = Object.entries(outcome.failure.fields);
  return Object.fromEntries(entries.filter(([field]) => !corrected.includes(field as ReadingField)));
}
