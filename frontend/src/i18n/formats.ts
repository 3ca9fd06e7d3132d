/** How numbers, times and quantities are written in a locale. */
import { formatUtc, isAmbiguous, offsetAt, offsetText } from '../lib/local-time';
import type { Translate } from './translation';

export type Formats = ReturnType<typeof createFormats>;

/** Beyond this, digits in groups of three stop being readable. */
const MAX_PLAIN = 1e15;
const PREFIXES = ['', 'k', 'M', 'G', 'T'];
const SPANS: [milliseconds: number, unit: string][] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
];

export function createFormats(locale: string, t: Translate) {
  const whole = new Intl.NumberFormat(locale);
  const milliwatts = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 });
  const exact = new Intl.NumberFormat(locale, { maximumFractionDigits: 20 });
  const significant = (digits: number) => new Intl.NumberFormat(locale, { maximumSignificantDigits: digits });
  const [three, four] = [significant(3), significant(4)];
  const dates = datesOf(locale);

  const watts = (power: number, plain: Intl.NumberFormat) => {
    if (!Number.isFinite(power)) return '–';
    return Math.abs(power) < MAX_PLAIN ? plain.format(power) : power.toExponential();
  };
  const inUnit = (value: number, unit: string) =>
    new Intl.NumberFormat(locale, {
      style: 'unit',
      unit,
      unitDisplay: 'short',
      maximumSignificantDigits: 3,
    }).format(value);

  return {
    /** `1,234` */
    count: (count: number) => whole.format(count),
    /** A power to the milliwatt, without its unit: `2,275.8`. */
    power: (power: number) => watts(power, milliwatts),
    /** A power with every digit that was sent. */
    exactPower: (power: number) => watts(power, exact),
    /** A power for an axis, where space is short: `7.5 kW`. */
    shortPower(power: number) {
      if (Math.abs(power) >= MAX_PLAIN) return `${power.toExponential(0).replace('+', '')} W`;
      const thousands = Math.floor(Math.log10(Math.max(Math.abs(power), 1)) / 3 + 1e-9);
      const prefix = Math.min(PREFIXES.length - 1, thousands);
      return `${four.format(power / 1000 ** prefix)} ${PREFIXES[prefix]}W`;
    },
    /** Readings per second: `41.2/s`. */
    rate: (perSecond: number) => t('format.rate', { value: three.format(perSecond) }),
    /** `850 kB`, `19.4 MB`. */
    bytes: (bytes: number) =>
      bytes < 1e6 ? `${whole.format(Math.ceil(bytes / 1e3))} kB` : `${three.format(bytes / 1e6)} MB`,
    /** `340 ms`, `2.4 sec`: in the largest unit of which it has at least one. */
    span(milliseconds: number) {
      const [size, unit] = SPANS.find(([size]) => milliseconds >= size) ?? [1, 'millisecond'];
      return inUnit(unit === 'millisecond' ? Math.round(milliseconds) : milliseconds / size, unit);
    },
    /** `15 Jan 2024, 11:30:00`, with its offset where the clock shows this time twice. */
    time(instant: number, zone: string) {
      if (!Number.isFinite(instant)) return '–';
      const text = dates(zone, instant % 1000 !== 0).format(instant);
      return isAmbiguous(instant, zone) ? `${text} ${offsetText(offsetAt(instant, zone))}` : text;
    },
    /** Of the time axis, as uPlot takes them. */
    dateNames: dateNamesOf(locale),
    /** The same in any language: `2024-01-15 10:30:00 UTC`. */
    utc: formatUtc,
  };
}

/** Building a formatter costs far more than using one. */
function datesOf(locale: string): (zone: string, hasFraction: boolean) => Intl.DateTimeFormat {
  const known = new Map<string, Intl.DateTimeFormat>();
  return (zone, hasFraction) => {
    const key = `${zone} ${hasFraction}`;
    const date = known.get(key) ?? newDateFormat(locale, zone, hasFraction);
    known.set(key, date);
    return date;
  };
}

function newDateFormat(locale: string, timeZone: string, hasFraction: boolean): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, {
    timeZone,
    year: 'numeric',
    // In letters: 01/02 is another day in another country.
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    ...(hasFraction && { fractionalSecondDigits: 3 }),
  });
}

interface DateNames {
  MMMM: string[];
  MMM: string[];
  WWWW: string[];
  WWW: string[];
}

/** Months from January, days from Sunday. */
function dateNamesOf(locale: string): DateNames {
  const names = (count: number, date: (index: number) => number, options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(locale, { timeZone: 'UTC', ...options });
    return Array.from({ length: count }, (_, index) => format.format(date(index)));
  };
  const month = (index: number) => Date.UTC(2023, index, 1);
  // 1 January 2023 is a Sunday.
  const day = (index: number) => Date.UTC(2023, 0, 1 + index);
  return {
    MMMM: names(12, month, { month: 'long' }),
    MMM: names(12, month, { month: 'short' }),
    WWWW: names(7, day, { weekday: 'long' }),
    WWW: names(7, day, { weekday: 'short' }),
  };
}
