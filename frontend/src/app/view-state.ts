/** What is shown, as a signal that is kept equal to the address and follows back and forward. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { readView, type View, viewOfSite, writeView } from '../lib/url-state';
import type { Address, Stop } from './environment';

export interface ViewState {
  view: ReadonlySignal<View>;
  site: ReadonlySignal<string | null>;
  /** `push` adds an entry to the browser's history, `replace` changes the address of the current entry. */
  navigate(change: Partial<View>, how: 'push' | 'replace'): void;
  showSite(id: string): void;
  siteAddress(id: string): string;
  stop: Stop;
}

export function createViewState(address: Address): ViewState {
  const current = signal(readView(address.search()));
  const addressOf = (next: View) => address.path() + writeView(next);
  const navigate: ViewState['navigate'] = (change, how) => {
    const next = { ...current.peek(), ...change };
    if (writeView(next) === writeView(current.peek())) return;
    address[how](addressOf(next));
    current.value = next;
  };
  return {
    view: computed(() => current.value),
    site: computed(() => current.value.site),
    navigate,
    showSite(id) {
      if (id !== current.peek().site) navigate(viewOfSite(id, current.peek()), 'push');
    },
    siteAddress: (id) => addressOf(viewOfSite(id, current.value)),
    stop: address.onChange(() => {
      current.value = readView(address.search());
    }),
  };
}
