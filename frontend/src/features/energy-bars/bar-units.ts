/** How long a bar is. */
import type { TimeRange } from '../../lib/range';
import type { BarUnit } from '../../lib/url-state';

const HOUR = 3_600_000;
const LENGTHS: Record<BarUnit, number> = {
  hour: HOUR,
  day: 24 * HOUR,
  month: 28 * 24 * HOUR,
  year: 365 * 24 * HOUR,
};
export const BAR_UNITS: readonly BarUnit[] = ['hour', 'day', 'month', 'year'];

/** More bars than these are thinner than their distance on a screen. */
const MAX_BARS = 400;
/** What is read at a glance. */
const USUAL_BARS = 62;

const barsOf = ({ from, to }: TimeRange, unit: BarUnit) => (to - from) / LENGTHS[unit];

/** The units of which a range has neither too many nor less than one. */
export function possibleUnits(range: TimeRange): BarUnit[] {
  const possible = BAR_UNITS.filter((unit) => barsOf(range, unit) <= MAX_BARS && barsOf(range, unit) >= 1);
  return possible.length > 0 ? possible : [range.to - range.from < HOUR ? 'hour' : 'year'];
}

/** The one that was chosen as long as the range permits it, else the shortest that is read at a glance. */
export function barUnit(range: TimeRange, chosen: BarUnit | null): BarUnit {
  const possible = possibleUnits(range);
  const fitting = possible.find((unit) => barsOf(range, unit) <= USUAL_BARS);
  return possible.find((unit) => unit === chosen) ?? fitting ?? possible.at(-1) ?? 'year';
}
