/** The reading that is being written: what stands in the fields, and the reading that it means. */
import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { FieldErrors } from '../../api/request-failure';
import type { NewReading } from '../../api/types';
import type { Stop } from '../../app/environment';
import { type Decimal, parseDecimal, separatorsOf } from '../../lib/decimal';
import { toOffsetIso } from '../../lib/local-time';
import { createTimeState, type TimeState } from './time-state';

export interface DraftState {
  site: ReadonlySignal<string>;
  device: Signal<string>;
  /** As it was typed; `decimal` is what it means. */
  power: Signal<string>;
  decimal: ReadonlySignal<Decimal>;
  time: TimeState;
  setSite(id: string): void;
  /** Equal for two drafts that stand for one reading; the running clock does not change it. */
  fingerprint(): string;
  /** What cannot be sent. The services check everything else. */
  errors(): FieldErrors;
  reading(): NewReading;
  stop: Stop;
}

interface Dependencies {
  pickedSite: ReadonlySignal<string | null>;
  now: ReadonlySignal<number>;
  locale: ReadonlySignal<string>;
  zone: string;
}

export function createDraftState({ pickedSite, now, locale, zone }: Dependencies): DraftState {
  const site = signal('');
  const device = signal('');
  const power = signal('');
  const time = createTimeState(now, zone);
  const decimal = computed(() => parseDecimal(power.value, separatorsOf(locale.value)));
  return {
    site,
    device,
    power,
    decimal,
    time,
    setSite(id) {
      site.value = id;
    },
    fingerprint() {
      const when = time.isNow.peek() ? null : [time.field.peek(), time.isLaterOccurrence.peek()];
      return JSON.stringify([site.peek(), device.peek(), power.peek(), when]);
    },
    errors() {
      const { kind } = decimal.peek();
      return {
        ...(kind !== 'number' && kind !== 'empty' && { power_reading: [{ type: kind }] }),
        ...(time.instant.peek() === null && { timestamp: [{ type: 'time_incomplete' }] }),
      };
    },
    reading() {
      const value = decimal.peek();
      const instant = time.instant.peek();
      return {
        site_id: site.peek(),
        device_id: device.peek(),
        ...(value.kind === 'number' && { power_reading: value.value }),
        ...(instant !== null && { timestamp: toOffsetIso(instant, zone) }),
      };
    },
    // The picked site is the default, also after another one was typed.
    stop: effect(() => {
      if (pickedSite.value !== null) site.value = pickedSite.value;
    }),
  };
}
