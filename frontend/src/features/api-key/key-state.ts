/** The API key of this page: one signal, kept equal to the browser's storage. */
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Environment, Stop } from '../../app/environment';
import { NAME, readKey, type StoredKey, writeKey } from './key-storage';

export interface KeyState {
  hasKey: ReadonlySignal<boolean>;
  /** Whether the field for a key shall have the focus: its form is loaded when it is shown, perhaps after that is asked for. */
  isFieldWanted: Signal<boolean>;
  /** What requests are sent with. */
  key(): string | null;
  remember(next: StoredKey): void;
  /** Loads the page again: nothing that was read with the key is left on it or in its memory. */
  forget(): void;
  stop: Stop;
}

export function createKeyState({ storages, onStored, reload }: Environment): KeyState {
  const stored = signal<StoredKey | null>(readKey(storages));
  return {
    hasKey: computed(() => stored.value !== null),
    isFieldWanted: signal(false),
    key: () => stored.peek()?.key ?? null,
    remember(next) {
      writeKey(next, storages);
      stored.value = next;
    },
    forget() {
      writeKey(null, storages);
      reload();
    },
    stop: onStored((name) => {
      // A tab with a key of its own keeps it.
      const isOurs = name === NAME || name === null;
      if (isOurs && stored.peek()?.isRemembered !== false) reload();
    }),
  };
}
