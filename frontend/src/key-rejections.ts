/** What of the page was rejected because of the API key, and asking for it again. */
import { computed, effect } from '@preact/signals';
import type { RequestFailure } from './api/request-failure';
import { forgetKeyRejection, outcome } from './features/send-reading/send-state';
import { listing, refreshSites } from './features/site-picker/site-list';
import { failure as readingsFailure, reload } from './features/site-view/readings-state';
import { site } from './view';

export type KeyRejection = Extract<RequestFailure, { kind: 'keyRejected' }>;

const ofList = computed(() => {
  const { value } = listing;
  return value.phase === 'failed' ? asKeyRejection(value.failure) : null;
});
const ofReading = computed(() => {
  const { value } = outcome;
  return value.phase === 'failed' ? asKeyRejection(value.failure) : null;
});

/** Null as soon as no request of the page is rejected any more. */
export const keyRejection = computed<KeyRejection | null>(
  () => ofList.value ?? asKeyRejection(readingsFailure.value) ?? ofReading.value,
);

function asKeyRejection(failure: RequestFailure | null): KeyRejection | null {
  return failure?.kind === 'keyRejected' ? failure : null;
}

/** Sends what was read again; a reading is sent by its user only. */
export function retryWithKey(): void {
  forgetKeyRejection();
  void refreshSites();
  const picked = site.peek();
  if (picked !== null) reload(picked);
}

// The service admits what it rejected before, without a change here: its keys are off, or the key was added.
const isListRejected = computed(() => ofList.value !== null);
effect(() => {
  const picked = site.peek();
  if (!isListRejected.value && picked !== null && readingsFailure.peek()?.kind === 'keyRejected')
    reload(picked);
});
