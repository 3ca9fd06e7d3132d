/** The list of sites whose names begin with what is searched for, as far as it was scrolled to. */
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
  /** Whether there are more than `sites`. */
  hasMore: ReadonlySignal<boolean>;
  /** What the names of the listed sites begin with. */
  prefix: ReadonlySignal<string>;
  /** Lists other sites, once the typing pauses. */
  search(prefix: string): void;
  /** Lists more of them. */
  more(): void;
}

const REFRESH_MS = 30_000;
const RETRY_MS = 2_000;
/** A service counts and logs each request that it rejects because of the API key, and seldom changes its mind. */
const RETRY_WITH_KEY_REJECTED_MS = 30_000;
const AT_ONCE_MS = 0;
const TYPING_PAUSE_MS = 150;
/** Sites that are listed at first, and more at a time. */
const STEP = 200;
/** The service's own limit. */
const MAX_PAGE = 1_000;

export function createSitesState(
  client: Pick<Client, 'getSites'>,
  key: () => string | null,
  { visibility }: Environment,
): SitesState {
  const listing = signal<Listing>({ phase: 'loading' });
  const sites = signal<readonly Site[]>([]);
  const hasMore = signal(false);
  const prefix = signal('');
  let wanted = STEP;
  let typing: ReturnType<typeof setTimeout> | undefined;
  const query = () => `${key()} ${prefix.peek()} ${wanted}`;

  const fetchList = async () => {
    const asked = query();
    try {
      const list = await firstSites(client, prefix.peek(), wanted);
      if (query() !== asked) return AT_ONCE_MS;
      sites.value = list.sites;
      hasMore.value = list.hasMore;
      listing.value = { phase: 'listed' };
      return REFRESH_MS;
    } catch (error) {
      if (query() !== asked) return AT_ONCE_MS;
      const failure = toRequestFailure(error);
      listing.value = { phase: 'failed', failure };
      return failure.kind === 'keyRejected' ? RETRY_WITH_KEY_REJECTED_MS : RETRY_MS;
    }
  };
  const polling = pollWhileVisible(visibility, fetchList);
  return {
    listing,
    sites,
    hasMore,
    prefix,
    search(next) {
      clearTimeout(typing);
      typing = setTimeout(() => {
        if (prefix.peek() === next) return;
        prefix.value = next;
        wanted = STEP;
        polling.runNow();
      }, TYPING_PAUSE_MS);
    },
    more() {
      if (!hasMore.peek() || wanted > sites.peek().length) return;
      wanted = sites.peek().length + STEP;
      polling.runNow();
    },
    runNow: polling.runNow,
    stop() {
      clearTimeout(typing);
      polling.stop();
    },
  };
}

async function firstSites(
  client: Pick<Client, 'getSites'>,
  prefix: string,
  count: number,
): Promise<{ sites: Site[]; hasMore: boolean }> {
  const sites: Site[] = [];
  for (let cursor: string | null = null; ; ) {
    const limit = Math.min(count - sites.length, MAX_PAGE);
    const page = await client.getSites({ prefix, cursor, limit });
    sites.push(...page.sites);
    const next = page.next_cursor ?? null;
    if (next === null || sites.length >= count) return { sites, hasMore: next !== null };
    cursor = next;
  }
}
