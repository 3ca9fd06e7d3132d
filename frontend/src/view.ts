/** The view as a signal, in step with the address and with back and forward. */
import { computed, signal } from '@preact/signals';
import { readView, type View, viewOfSite, writeView } from './lib/url-state';

const current = signal(readView(location.search));

export const view = computed(() => current.value);
export const site = computed(() => current.value.site);

addEventListener('popstate', () => {
  current.value = readView(location.search);
});

/** `step` can be gone back to; a `detail` only changes the address of the step the reader is at. */
export function show(change: Partial<View>, as: 'step' | 'detail'): void {
  const next = { ...current.value, ...change };
  if (writeView(next) === writeView(current.value)) return;
  if (as === 'step') history.pushState(null, '', addressOf(next));
  else history.replaceState(null, '', addressOf(next));
  current.value = next;
}

export function showSite(id: string): void {
  if (id !== current.value.site) show(viewOfSite(id, current.value), 'step');
}

export function siteAddress(id: string): string {
  return addressOf(viewOfSite(id, current.value));
}

function addressOf(next: View): string {
  return location.pathname + writeView(next);
}
