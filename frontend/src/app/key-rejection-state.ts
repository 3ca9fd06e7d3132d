/** What of the page was rejected because of the API key, and asking for it again. */
import { computed, effect, type ReadonlySignal } from '@preact/signals';
import type { RequestFailure } from '../api/request-failure';
import type { SendState } from '../features/send-reading/send-state';
import type { SitesState } from '../features/site-picker/sites-state';
import type { SiteState } from '../features/site-view/site-state';
import type { Stop } from './environment';
import type { ViewState } from './view-state';

export type KeyRejection = Extract<RequestFailure, { kind: 'keyRejected' }>;

export interface KeyRejectionState {
  /** Null as soon as no request of the page is rejected any more. */
  rejection: ReadonlySignal<KeyRejection | null>;
  /** Sends what was read again; a reading is sent by its user only. */
  retry(): void;
  stop: Stop;
}

interface Dependencies {
  view: ViewState;
  sites: SitesState;
  site: Pick<SiteState, 'failure' | 'reload'>;
  send: SendState;
}

export function createKeyRejectionState({ view, sites, site, send }: Dependencies): KeyRejectionState {
  const ofList = computed(() => keyRejectionOf(sites.listing.value));
  const ofReading = computed(() => keyRejectionOf(send.outcome.value));
  const isListRejected = computed(() => ofList.value !== null);
  const reload = () => {
    const picked = view.site.peek();
    if (picked !== null) site.reload(picked);
  };
  return {
    rejection: computed(() => ofList.value ?? asKeyRejection(site.failure.value) ?? ofReading.value),
    retry() {
      send.forgetKeyRejection();
      sites.runNow();
      reload();
    },
    // The service admits what it rejected before, without a change here: its keys are off, or the key was added.
    stop: effect(() => {
      if (!isListRejected.value && site.failure.peek()?.kind === 'keyRejected') reload();
    }),
  };
}

function keyRejectionOf(
  state: { phase: string } | { phase: 'failed'; failure: RequestFailure },
): KeyRejection | null {
  return state.phase === 'failed' && 'failure' in state ? asKeyRejection(state.failure) : null;
}

function asKeyRejection(failure: RequestFailure | null): KeyRejection | null {
  return failure?.kind === 'keyRejected' ? failure : null;
}
