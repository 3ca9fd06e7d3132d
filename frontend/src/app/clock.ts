import { type ReadonlySignal, signal } from '@preact/signals';
import type { Environment, Stop } from './environment';

export interface Clock {
  /** The current time, to the second; only what reads it is drawn again. */
  now: ReadonlySignal<number>;
  stop: Stop;
}

export function createClock({ now, visibility }: Pick<Environment, 'now' | 'visibility'>): Clock {
  const time = signal(now());
  const timer = setInterval(() => {
    if (visibility.isVisible()) time.value = now();
  }, 1000);
  return { now: time, stop: () => clearInterval(timer) };
}
