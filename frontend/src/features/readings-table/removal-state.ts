/** The deletion of a wrong reading. */
import { type ReadonlySignal, signal } from '@preact/signals';
import { type RequestFailure, toRequestFailure } from '../../api/request-failure';
import type { SiteClient } from '../../api/site-client';
import type { StoredReading } from '../../api/types';

/** The last one. */
export interface Removal {
  id: string;
  /** Null when it is deleted. */
  failure: RequestFailure | null;
}

export interface RemovalState {
  last: ReadonlySignal<Removal | null>;
  remove(reading: StoredReading): Promise<void>;
}

/** `onRemoved` is called when what is stored has changed. */
export function createRemovalState(
  client: Pick<SiteClient, 'deleteReading'>,
  onRemoved: () => void,
): RemovalState {
  const last = signal<Removal | null>(null);
  return {
    last,
    async remove({ site_id, stream_id: id }) {
      try {
        await client.deleteReading(site_id, id);
        last.value = { id, failure: null };
        onRemoved();
      } catch (error) {
        last.value = { id, failure: toRequestFailure(error) };
      }
    },
  };
}
