/** The API key of this page: one signal, kept equal to the browser's storage and to what requests are sent with. */
import { computed, signal } from '@preact/signals';
import { setRequestKey } from '../../api/authorization';
import { onRememberedKeyChange, readKey, type StoredKey, writeKey } from './key-storage';

const stored = signal<StoredKey | null>(readKey());
setRequestKey(stored.peek()?.key ?? null);

export const hasKey = computed(() => stored.value !== null);

export function rememberKey(next: StoredKey): void {
  writeKey(next);
  setRequestKey(next.key);
  stored.value = next;
}

/** Loads the page again: nothing that was read with the key is left on it or in its memory. */
export function forgetKey(): void {
  writeKey(null);
  location.reload();
}

// A tab with a key of its own keeps it.
onRememberedKeyChange(() => {
  if (stored.peek()?.isRemembered !== false) location.reload();
});
