/** The zone, and the span of time that chart, bars and table show. */
import { computed, type ReadonlySignal } from '@preact/signals';
import type { ViewState } from '../../app/view-state';
import { LOCAL_ZONE } from '../../lib/local-time';
import { type Period, type PeriodContext, rangeOf, usualPeriod } from '../../lib/period';
import type { TimeRange } from '../../lib/range';

export interface RangeState {
  zone: ReadonlySignal<string>;
  /** To the minute, since what is relative to it is loaded again when it changes. */
  minute: ReadonlySignal<number>;
  context: ReadonlySignal<PeriodContext>;
  /** Null while the page's own choice is not known. */
  period: ReadonlySignal<Period | null>;
  range: ReadonlySignal<TimeRange | null>;
}

interface Dependencies {
  view: ViewState;
  now: ReadonlySignal<number>;
  /** From the first reading of the site to its last one; `undefined` while that is being loaded, null without any. */
  extent: ReadonlySignal<TimeRange | null | undefined>;
}

const MINUTE_MS = 60_000;

export function createRangeState({ view, now, extent }: Dependencies): RangeState {
  const zone = computed(() => view.view.value.zone ?? LOCAL_ZONE);
  // The end of the present one: a reading of now is before it.
  const minute = computed(() => (Math.floor(now.value / MINUTE_MS) + 1) * MINUTE_MS);
  const context = computed<PeriodContext>(() => ({
    zone: zone.value,
    now: minute.value,
    extent: extent.value ?? null,
  }));
  const period = computed(() => {
    const asked = view.view.value.period;
    if (asked !== null) return asked;
    return extent.value === undefined ? null : usualPeriod(context.value);
  });
  const range = computed(() => (period.value === null ? null : rangeOf(period.value, context.value)));
  return { zone, minute, context, period, range };
}
