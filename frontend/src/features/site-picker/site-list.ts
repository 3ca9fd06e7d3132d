import { signal } from '@preact/signals';
import { getSites } from '../../api/client';
import { type Problem, problemOf } from '../../api/problems';
import type { SiteSummary } from '../../api/types';
import { pollWhileVisible } from '../../ui/poll';

export type SiteList =
  | { phase: 'loading' }
  | { phase: 'listed'; sites: SiteSummary[] }
  /** The service does not list its sites. */
  | { phase: 'unlisted' }
  | { phase: 'failed'; problem: Problem };

const REFRESH_MS = 30_000;
const RETRY_MS = 5_000;

export const siteList = signal<SiteList>({ phase: 'loading' });

async function fetchList(): Promise<number> {
  try {
    const sites = await getSites();
    siteList.value = sites === null ? { phase: 'unlisted' } : { phase: 'listed', sites };
    return REFRESH_MS;
  } catch (error) {
    siteList.value = { phase: 'failed', problem: problemOf(error) };
    return RETRY_MS;
  }
}

export const refreshSites = pollWhileVisible(fetchList);
