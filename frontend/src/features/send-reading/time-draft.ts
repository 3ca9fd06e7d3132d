import { computed, signal } from '@preact/signals';
import { LOCAL_ZONE, resolveLocal, toLocalField } from '../../lib/local-time';
import { now } from '../../ui/clock';

/** What was typed; null while the field shows the running clock. */
const typed = signal<string | null>(null);
/** Of a local time that occurs twice (`disambiguation: "later"` in the terms of Temporal). */
export const laterOccurrence = signal(false);

export const isNow = computed(() => typed.value === null);
export const field = computed(() => typed.value ?? toLocalField(now.value, LOCAL_ZONE));
/** Through the clock, not through the field: in the hour that happens twice the field alone could be either. */
export const localTime = computed(() =>
  typed.value === null
    ? { kind: 'exact' as const, instant: Math.floor(now.value / 1000) * 1000 }
    : resolveLocal(typed.value, LOCAL_ZONE),
);

/** The instant that will be sent; null while the field holds none. */
export const instant = computed(() => {
  const time = localTime.value;
  if (time?.kind !== 'repeated') return time?.instant ?? null;
  return laterOccurrence.value ? time.second : time.first;
});

let isUntouched = false;

export function setTime(text: string): void {
  isUntouched = false;
  typed.value = text;
  laterOccurrence.value = false;
}

export function setNow(): void {
  typed.value = null;
}

/** The running clock must not overwrite what is being typed: it stands still in a field that has the focus. */
export function pauseClock(): void {
  if (typed.value !== null) return;
  typed.value = field.value;
  isUntouched = true;
}

export function resumeClock(): void {
  if (isUntouched) setNow();
  isUntouched = false;
}
