/** The readings of the picked site: loaded when the site changes, kept in sight while they are loaded again. */
import { effect, signal } from '@preact/signals';
import { loadReadings, type Progress } from '../../api/load-readings';
import { type RequestFailure, toRequestFailure } from '../../api/request-failure';
import type { SiteReadings } from '../../api/site-readings';
import { site } from '../../view';

export interface Loaded {
  site: string;
  readings: SiteReadings;
  loadedAt: number;
}

export interface Loading {
  /** Null until loading takes longer than `SLOW_AFTER_MS`. */
  progress: Progress | null;
}

const SLOW_AFTER_MS = 2000;

export const loaded = signal<Loaded | null>(null);
export const loading = signal<Loading | null>(null);
export const failure = signal<RequestFailure | null>(null);

let running: AbortController | null = null;

effect(() => {
  const picked = site.value;
  loaded.value = null;
  if (picked === null) cancel();
  else void load(picked);
});

/** Loads the picked site once more, when it is still this one. */
export function reload(id: string): void {
  if (id === site.peek()) void load(id);
}

function cancel(): void {
  running?.abort();
  loading.value = null;
  failure.value = null;
}

async function load(id: string): Promise<void> {
  cancel();
  const own = new AbortController();
  running = own;
  loading.value = { progress: null };
  const startedAt = performance.now();
  const onProgress = (progress: Progress) => {
    if (performance.now() - startedAt >= SLOW_AFTER_MS) loading.value = { progress };
  };
  try {
    const readings = await loadReadings(id, own.signal, onProgress);
    if (own.signal.aborted) return;
    loaded.value = { site: id, readings, loadedAt: Date.now() };
  } catch (error) {
    if (own.signal.aborted) return;
    failure.value = toRequestFailure(error);
  }
  loading.value = null;
}
