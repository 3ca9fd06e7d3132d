/** Dead letters, page by page, with what an operator can do to each. */
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Client } from '../../api/client';
import { type RequestFailure, toRequestFailure } from '../../api/request-failure';
import type { DeadLetter } from '../../api/types';

export type Done = { action: 'retried' | 'deleted'; id: string };

export interface DeadLettersState {
  isOpen: ReadonlySignal<boolean>;
  letters: ReadonlySignal<readonly DeadLetter[]>;
  isLoading: ReadonlySignal<boolean>;
  hasMore: ReadonlySignal<boolean>;
  failure: ReadonlySignal<RequestFailure | null>;
  /** The last thing that was done. */
  done: ReadonlySignal<Done | null>;
  toggle(): void;
  /** Loads the next page. */
  more(): Promise<void>;
  retry(id: string): Promise<void>;
  remove(id: string): Promise<void>;
}

type DeadLetterClient = Pick<Client, 'getDeadLetters' | 'retryDeadLetter' | 'deleteDeadLetter'>;

const PAGE = 50;

/** `onChanged` is called when their number has changed. */
export function createDeadLettersState(client: DeadLetterClient, onChanged: () => void): DeadLettersState {
  const isOpen = signal(false);
  const letters = signal<readonly DeadLetter[]>([]);
  const isLoading = signal(false);
  const failure = signal<RequestFailure | null>(null);
  const done = signal<Done | null>(null);
  const cursor = signal<string | null>(null);
  const hasMore = signal(false);

  const more = async () => {
    if (isLoading.peek()) return;
    isLoading.value = true;
    try {
      const page = await client.getDeadLetters(cursor.peek(), PAGE);
      letters.value = [...letters.peek(), ...page.dead_letters];
      cursor.value = page.next_cursor ?? null;
      hasMore.value = page.next_cursor !== undefined;
      failure.value = null;
    } catch (error) {
      failure.value = toRequestFailure(error);
    } finally {
      isLoading.value = false;
    }
  };
  const settle = async (id: string, action: Done['action'], request: () => Promise<unknown>) => {
    try {
      await request();
      letters.value = letters.peek().filter((letter) => letter.id !== id);
      done.value = { action, id };
      failure.value = null;
      onChanged();
    } catch (error) {
      failure.value = toRequestFailure(error);
    }
  };
  return {
    isOpen,
    letters,
    isLoading,
    hasMore,
    failure,
    done,
    toggle() {
      isOpen.value = !isOpen.peek();
      letters.value = [];
      cursor.value = null;
      done.value = null;
      failure.value = null;
      if (isOpen.peek()) void more();
    },
    more,
    retry: (id) => settle(id, 'retried', () => client.retryDeadLetter(id)),
    remove: (id) => settle(id, 'deleted', () => client.deleteDeadLetter(id)),
  };
}
