/** What is loaded for something that is wanted: again when that changes, when asked to, and after a failure. */
import { effect, type ReadonlySignal, signal } from '@preact/signals';
import { type RequestFailure, toRequestFailure } from '../api/request-failure';
import type { Stop } from './environment';
import { nextTask } from './next-task';

export interface Loaded<Wanted, Data> {
  wanted: Wanted;
  data: Data;
  at: number;
}

export interface Resource<Wanted, Data> {
  /** Kept in sight while it is loaded again, or for another range of the same site. */
  loaded: ReadonlySignal<Loaded<Wanted, Data> | null>;
  isLoading: ReadonlySignal<boolean>;
  /** Of the last attempt. */
  failure: ReadonlySignal<RequestFailure | null>;
  /** Loads again; while that runs, once more after it. */
  refresh(): void;
  stop: Stop;
}

interface Dependencies<Wanted, Data> {
  /** Compared by value; null for nothing. */
  wanted: ReadonlySignal<Wanted | null>;
  load(wanted: Wanted, signal: AbortSignal): Promise<Data>;
  /** Turns true when the service can be read again after an outage. */
  isReadable: ReadonlySignal<boolean>;
  now(): number;
}

const FIRST_RETRY_MS = 2_000;
const MAX_RETRY_MS = 30_000;

export function createResource<Wanted extends { site: string }, Data>(
  needs: Dependencies<Wanted, Data>,
): Resource<Wanted, Data> {
  const loaded = signal<Loaded<Wanted, Data> | null>(null);
  const isLoading = signal(false);
  const failure = signal<RequestFailure | null>(null);
  let running: AbortController | null = null;
  let isWantedAgain = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const cancel = () => {
    running?.abort();
    running = null;
    isWantedAgain = false;
    clearTimeout(timer);
    isLoading.value = false;
  };
  const load = async (wanted: Wanted): Promise<void> => {
    cancel();
    const own = new AbortController();
    running = own;
    isLoading.value = true;
    try {
      const data = await needs.load(wanted, own.signal);
      // Read in one task and drawn in the next: neither keeps a click waiting for both.
      await nextTask();
      if (own.signal.aborted) return;
      loaded.value = { wanted, data, at: needs.now() };
      failure.value = null;
      failures = 0;
    } catch (error) {
      if (own.signal.aborted) return;
      failure.value = toRequestFailure(error);
      retryLater(wanted);
    }
    running = null;
    isLoading.value = false;
    if (isWantedAgain) void load(wanted);
  };
  const retryLater = (wanted: Wanted) => {
    if (!isTemporary(failure.peek())) return;
    timer = setTimeout(() => void load(wanted), Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS));
    failures++;
  };
  let text = '';
  const stopFollowing = effect(() => {
    const wanted = needs.wanted.value;
    const next = JSON.stringify(wanted);
    if (next === text) return;
    text = next;
    failure.value = null;
    failures = 0;
    if (loaded.peek()?.wanted.site !== wanted?.site) loaded.value = null;
    if (wanted === null) cancel();
    else void load(wanted);
  });
  const stopHealing = effect(() => {
    if (!needs.isReadable.value) return;
    const wanted = needs.wanted.peek();
    if (wanted !== null && isTemporary(failure.peek())) void load(wanted);
  });
  return {
    loaded,
    isLoading,
    failure,
    refresh() {
      const wanted = needs.wanted.peek();
      if (wanted === null) return;
      if (running === null) void load(wanted);
      else isWantedAgain = true;
    },
    stop() {
      stopFollowing();
      stopHealing();
      cancel();
    },
  };
}

/** Whether the same request can succeed later, without a change by the user. */
function isTemporary(failure: RequestFailure | null): boolean {
  if (failure === null || failure.kind === 'keyRejected' || failure.kind === 'invalid') return false;
  if (failure.kind === 'errorStatus') return failure.status >= 500 || failure.status === 429;
  return failure.reason !== 'impossibleSite';
}
