/** The list of sites: all its pages, loaded again now and then. */
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Client } from '../../api/client';
import { type RequestFailure, toRequestFailure } from '../../api/request-failure';
import type { Site } from '../../api/types';
import type { Environment } from '../../app/environment';
import { type Polling, pollWhileVisible } from '../../app/polling';

export type Listing =
  | { phase: 'loading' }
  | { phase: 'listed' }
  | { phase: 'failed'; failure: RequestFailure };

export interface SitesState extends Polling {
  listing: ReadonlySignal<Listing>;
  /** The last list of sites; kept while the service does not respond. */
  sites: ReadonlySignal<readonly Site[]>;
}

const REFRESH_MS = 30_000;
const RETRY_MS = 2_000;
/** A service counts and logs each request that it rejects because of the API key, and seldom changes its mind. */
const RETRY_WITH_KEY_REJECTED_MS = 30_000;
const AT_ONCE_MS = 0;

export function createSitesState(
  client: Client,
  key: () => string | null,
  { visibility }: Environment,
): SitesState {
  const listing = signal<Listing>({ phase: 'loading' });
  const sites = signal<readonly Site[]>([]);
  const fetchList = async () => {
    const sentWith = key();
    try {
      sites.value = await allPages(client);
      listing.value = { phase: 'listed' };
      return REFRESH_MS;
    } catch (error) {
      if (key() !== sentWith) return AT_ONCE_MS;
      const failure = toRequestFailure(error);
      listing.value = { phase: 'failed', failure };
      return failure.kind === 'keyRejected' ? RETRY_WITH_KEY_REJECTED_MS : RETRY_MS;
    }
  };
  return { listing, sites, ...pollWhileVisible(visibility, fetchList) };
}

async function allPages(client: Client): Promise<Site[]> {
  const sites: Site[] = [];
  for (let after: string | null = null; ; ) {
    const page = await client.getSites(after);
    sites.push(...page.sites);
    if (page.next_after === undefined) return sites;
    after = page.next_after;
  }
}
