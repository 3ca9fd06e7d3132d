import { signal } from '@preact/signals';
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

export const listing = signal<Listing>({ phase: 'loading' });
/** The last list of sites; kept while the service does not respond. */
export const sites = signal<SiteSummary[]>([]);

async function fetchList(): Promise<number> {
  try {
    const listed = await getSites();
    sites.value = listed ?? [];
    listing.value = { phase: listed === null ? 'unlisted' : 'listed' };
    return REFRESH_MS;
  } catch (error) {
    listing.value = { phase: 'failed', failure: toRequestFailure(error) };
    return RETRY_MS;
  }
}

export const refreshSites = pollWhileVisible(fetchList);
