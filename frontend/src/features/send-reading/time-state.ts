/** The time of a reading that is being written: the running clock, or what was typed into the field. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { type LocalTime, resolveLocal, toLocalField } from '../../lib/local-time';

export interface TimeState {
  /** Whether the field shows the running clock. */
  isNow: ReadonlySignal<boolean>;
  /** The value of the field. */
  field: ReadonlySignal<string>;
  localTime: ReadonlySignal<LocalTime | null>;
  /** The instant that will be sent; null while the field holds none. */
  instant: ReadonlySignal<number | null>;
  /** Of a local time that occurs twice (`disambiguation: "later"` in the terms of Temporal). */
  isLaterOccurrence: ReadonlySignal<boolean>;
  setTime(text: string): void;
  setLaterOccurrence(isLater: boolean): void;
  setNow(): void;
  /** The running clock must not overwrite what is being typed: it stands still in a field that has the focus. */
  pauseClock(): void;
  resumeClock(): void;
}

export function createTimeState(now: ReadonlySignal<number>, zone: string): TimeState {
  /** What was typed; null while the field shows the running clock. */
  const typed = signal<string | null>(null);
  const isLaterOccurrence = signal(false);
  const field = computed(() => typed.value ?? toLocalField(now.value, zone));
  // Through the clock, not through the field: in the hour that happens twice the field alone could be either.
  const localTime = computed(() =>
    typed.value === null
      ? { kind: 'exact' as const, instant: Math.floor(now.value / 1000) * 1000 }
      : resolveLocal(typed.value, zone),
  );
  let isUntouched = false;
  const setNow = () => {
    typed.value = null;
  };
  return {
    isNow: computed(() => typed.value === null),
    field,
    localTime,
    instant: computed(() => {
      const time = localTime.value;
      if (time?.kind !== 'repeated') return time?.instant ?? null;
      return isLaterOccurrence.value ? time.second : time.first;
    }),
    isLaterOccurrence,
    setTime(text) {
      isUntouched = false;
      typed.value = text;
      isLaterOccurrence.value = false;
    },
    setLaterOccurrence(isLater) {
      isLaterOccurrence.value = isLater;
    },
    setNow,
    pauseClock() {
      if (typed.peek() !== null) return;
      typed.value = field.peek();
      isUntouched = true;
    },
    resumeClock() {
      if (isUntouched) setNow();
      isUntouched = false;
    },
  };
}
