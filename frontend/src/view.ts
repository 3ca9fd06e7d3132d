/** The view as a signal, kept equal to the address and updated by back and forward. */
import { computed, signal } from '@preact/signals';
import { readView, type View, viewOfSite, writeView } from './lib/url-state';

const current = signal(readView(location.search));

export const view = computed(() => current.value);
export const site = computed(() => current.value.site);

addEventListener('popstate', () => {
  current.value = readView(location.search);
});

/** `push` adds an entry to the browser's history, `replace` changes the address of the current entry. */
export function navigate(change: Partial<View>, how: 'push' | 'replace'): void {
  const next = { ...current.value, ...change };
  if (writeView(next) === writeView(current.value)) return;
  if (how === 'push') history.pushState(null, '', addressOf(next));
  else history.replaceState(null, '', addressOf(next));
  current.value = next;
}

export function showSite(id: string): void {
  if (id !== current.value.site) navigate(viewOfSite(id, current.value), 'push');
}

export function siteAddress(id: string): string {
  return addressOf(viewOfSite(id, current.value));
}

function addressOf(next: View): string {
  return location.pathname + writeView(next);
}
