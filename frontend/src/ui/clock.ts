import { signal } from '@preact/signals';

/** The current time, to the second; only what reads it is drawn again. */
export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
