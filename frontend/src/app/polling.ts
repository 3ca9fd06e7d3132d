import type { Stop, Visibility } from './environment';

export interface Polling {
  /** Runs the task now; while it runs, once more after it. */
  runNow(): void;
  stop: Stop;
}

/** After a task that failed unexpectedly: an error of this page must not end what heals it. */
const AFTER_ERROR_MS = 5_000;

/**
 * Runs a task periodically while the page is visible; the task resolves with the milliseconds until the next run. When
 * the page becomes visible again the task runs at once.
 */
export function pollWhileVisible(visibility: Visibility, task: () => Promise<number>): Polling {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let state: 'idle' | 'running' | 'wanted' | 'stopped' = 'idle';
  const run = async () => {
    if (state === 'stopped' || !visibility.isVisible()) return;
    if (state !== 'idle') {
      state = 'wanted';
      return;
    }
    clearTimeout(timer);
    state = 'running';
    const pause = await task().catch(() => AFTER_ERROR_MS);
    // TypeScript does not see that the state changes while the task runs.
    const after = state as typeof state | 'wanted' | 'stopped';
    if (after === 'stopped') return;
    state = 'idle';
    timer = setTimeout(run, after === 'wanted' ? 0 : pause);
  };
  const runNow = () => void run();
  const stopListening = visibility.onChange(runNow);
  runNow();
  return {
    runNow,
    stop: () => {
      state = 'stopped';
      clearTimeout(timer);
      stopListening();
    },
  };
}
