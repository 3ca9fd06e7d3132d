/** The readings of the picked site: loaded when the site changes, and again after a failure. */
import { effect, type ReadonlySignal, signal } from '@preact/signals';
import type { LoadReadings, Progress } from '../../api/load-readings';
import { type RequestFailure, toRequestFailure } from '../../api/request-failure';
import type { SiteReadings } from '../../api/site-readings';
import type { Stop } from '../../app/environment';

export interface Loaded {
  site: string;
  readings: SiteReadings;
  loadedAt: number;
}

export interface Loading {
  /** Null until loading takes longer than `SLOW_AFTER_MS`. */
  progress: Progress | null;
}

export interface ReadingsState {
  /** Kept in sight while the readings are loaded again. */
  loaded: ReadonlySignal<Loaded | null>;
  loading: ReadonlySignal<Loading | null>;
  failure: ReadonlySignal<RequestFailure | null>;
  /** Loads the picked site once more, when it is still this one. */
  reload(id: string): void;
  /** Ends what is being loaded; it is not tried again before `reload`. */
  cancel(): void;
  stop: Stop;
}

interface Dependencies {
  site: ReadonlySignal<string | null>;
  /** Turns true when the service can be read again after an outage. */
  isReadable: ReadonlySignal<boolean>;
  loadReadings: LoadReadings;
  key(): string | null;
  now(): number;
}

const SLOW_AFTER_MS = 2000;
const FIRST_RETRY_MS = 2000;
const MAX_RETRY_MS = 30_000;

export function createReadingsState(needs: Dependencies): ReadingsState {
  const loaded = signal<Loaded | null>(null);
  const loading = signal<Loading | null>(null);
  const failure = signal<RequestFailure | null>(null);
  let running: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const cancel = () => {
    running?.abort();
    clearTimeout(timer);
    loading.value = null;
  };
  const load = async (id: string) => {
    cancel();
    const own = new AbortController();
    running = own;
    loading.value = { progress: null };
    const startedAt = needs.now();
    const onProgress = (progress: Progress) => {
      if (needs.now() - startedAt >= SLOW_AFTER_MS) loading.value = { progress };
    };
    try {
      const readings = await needs.loadReadings({ site: id, apiKey: needs.key() }, own.signal, onProgress);
      if (own.signal.aborted) return;
      loaded.value = { site: id, readings, loadedAt: needs.now() };
      failure.value = null;
      failures = 0;
    } catch (error) {
      if (own.signal.aborted) return;
      failure.value = toRequestFailure(error);
      retryLater(id);
    }
    loading.value = null;
  };
  const retryLater = (id: string) => {
    if (!isTemporary(failure.peek())) return;
    timer = setTimeout(() => void load(id), Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS));
    failures++;
  };
  const stopFollowing = effect(() => {
    const picked = needs.site.value;
    loaded.value = null;
    failure.value = null;
    failures = 0;
    if (picked === null) cancel();
    else void load(picked);
  });
  const stopHealing = effect(() => {
    const picked = needs.site.peek();
    if (needs.isReadable.value && picked !== null && isTemporary(failure.peek())) void load(picked);
  });
  return {
    loaded,
    loading,
    failure,
    reload(id) {
      if (id === needs.site.peek()) void load(id);
    },
    cancel,
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
