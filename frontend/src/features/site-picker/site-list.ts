import { signal } from '@preact/signals';
import { requestKey } from '../../api/authorization';
import { getSites } from '../../api/client';
import { type RequestFailure, toRequestFailure } from '../../api/request-failure';
import type { SiteSummary } from '../../api/types';
import { pollWhileVisible } from '../../ui/poll';

export type Listing =
  | { phase: 'loading' }
  | { phase: 'listed' }
  /** The service does not list its sites. */
  | { phase: 'unlisted' }
  | { phase: 'failed'; failure: RequestFailure };

const REFRESH_MS = 30_000;
const RETRY_MS = 5_000;
/** A service counts and logs each request that it rejects because of the API key, and seldom changes its mind. */
const RETRY_WITH_KEY_REJECTED_MS = 30_000;
const AT_ONCE_MS = 0;

export const listing = signal<Listing>({ phase: 'loading' });
/** The last list of sites; kept while the service does not respond. */
export const sites = signal<SiteSummary[]>([]);

async function fetchList(): Promise<number> {
  const sentWith = requestKey();
  try {
    const listed = await getSites();
    sites.value = listed ?? [];
    listing.value = { phase: listed === null ? 'unlisted' : 'listed' };
    return REFRESH_MS;
  } catch (error) {
    if (requestKey() !== sentWith) return AT_ONCE_MS;
    const failure = toRequestFailure(error);
    listing.value = { phase: 'failed', failure };
    return failure.kind === 'keyRejected' ? RETRY_WITH_KEY_REJECTED_MS : RETRY_MS;
  }
}

export const refreshSites = pollWhileVisible(fetchList);
