/** How numbers, times and quantities are written in a locale. */
import { formatUtc, isAmbiguous, offsetAt, offsetText } from '../lib/local-time';
import type { BarUnit } from '../lib/url-state';
import { createColumnFormats } from './column-formats';
import type { Translate } from './translation';

export type Formats = ReturnType<typeof createFormats>;

/** Beyond this, digits in groups of three stop being readable. */
const MAX_PLAIN = 1e15;
const PREFIXES = ['', 'k', 'M', 'G', 'T'];
const AGES: [milliseconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [365 * 86_400_000, 'year'],
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
];
const SPANS: [milliseconds: number, unit: string][] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
];

/** Of the services' intervals, such as `15m` and `1mo`. */
const INTERVAL_UNITS: Record<string, string> = {
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
};

export function createFormats(locale: string, t: Translate) {
  const whole = new Intl.NumberFormat(locale);
  const milliwatts = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 });
  const exact = new Intl.NumberFormat(locale, { maximumFractionDigits: 20 });
  const significant = (digits: number) => new Intl.NumberFormat(locale, { maximumSignificantDigits: digits });
  const [three, four] = [significant(3), significant(4)];
  const dates = datesOf(locale);
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always', style: 'short' });
  const rounded = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const percent = new Intl.NumberFormat(locale, { style: 'percent' });
  const [large, small] = [1, 2].map(
    (digits) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }),
  ) as [Intl.NumberFormat, Intl.NumberFormat];
  const energy = (kWh: number) => watts(kWh, Math.abs(kWh) < 10 ? small : large);

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

  const narrow = (unit: string) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'narrow' });

  return {
    ...createColumnFormats(locale, watts),
    /** `1,234` */
    count: (count: number) => whole.format(count),
    /** A power to the milliwatt, without its unit: `2,275.8`. */
    power: (power: number) => watts(power, milliwatts),
    /** A power at a glance: `2,276`. */
    roundPower: (power: number) => watts(power, Math.abs(power) < 10 ? milliwatts : rounded),
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
    /** `850 kB`, `19.4 MB`, `9.2 GB`. */
    bytes(bytes: number) {
      if (bytes < 1e6) return `${whole.format(Math.ceil(bytes / 1e3))} kB`;
      return bytes < 1e9 ? `${three.format(bytes / 1e6)} MB` : `${three.format(bytes / 1e9)} GB`;
    },
    /** `340 ms`, `2.4 sec`: in the largest unit of which it has at least one. */
    span(milliseconds: number) {
      const [size, unit] = SPANS.find(([size]) => milliseconds >= size) ?? [1, 'millisecond'];
      return inUnit(unit === 'millisecond' ? Math.round(milliseconds) : milliseconds / size, unit);
    },
    /** `15 min`, `1 mth`: an interval of the services. */
    interval(text: string) {
      const [, count = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(text) ?? [];
      return inUnit(Number(count), INTERVAL_UNITS[unit] ?? 'day');
    },
    /** `12.4`, `7.31`: energy without its unit, in the digits that are read at a glance. */
    energy: (kWh: number | null) => (kWh === null ? '–' : energy(kWh)),
    /** `98 %`; never 100 % of what is not whole. */
    share: (share: number) => percent.format(share === 1 ? 1 : Math.min(share, 0.99)),
    /** `15 January 2024`, `January 2024`, `15 – 21 Jan 2024`: a period of the calendar. */
    calendar: (unit: CalendarUnit, from: number, to: number, zone: string) =>
      calendarOf(locale, unit, zone).formatRange(from, to - 1),
    /** `18:00`, `15 Jan`, `Jan 24`, `2024`: a bucket under a bar, where space is short. */
    bucket: (unit: BarUnit, start: number, zone: string) =>
      new Intl.DateTimeFormat(locale, { timeZone: zone, ...BUCKETS[unit] }).format(start),
    /** `41 minutes ago`, `in 3 hours`. */
    ago(milliseconds: number) {
      const [size, unit] = AGES.find(([size]) => Math.abs(milliseconds) >= size) ?? [1000, 'second'];
      return relative.format(-Math.trunc(milliseconds / size), unit);
    },
    /** `41m`, `3d`: a span where space is short. */
    age(milliseconds: number) {
      const [size, unit] = SPANS.find(([size]) => milliseconds >= size) ?? [1000, 'second'];
      return narrow(unit).format(Math.floor(milliseconds / size));
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

export type CalendarUnit = 'hour' | 'day' | 'week' | 'month' | 'year';

const CALENDAR: Record<CalendarUnit, Intl.DateTimeFormatOptions> = {
  hour: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' },
  week: { day: 'numeric', month: 'short', year: 'numeric' },
  month: { month: 'long', year: 'numeric' },
  year: { year: 'numeric' },
};

const BUCKETS: Record<BarUnit, Intl.DateTimeFormatOptions> = {
  hour: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { day: 'numeric', month: 'short' },
  month: { month: 'short', year: '2-digit' },
  year: { year: 'numeric' },
};

function calendarOf(locale: string, unit: CalendarUnit, timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, { timeZone, ...CALENDAR[unit] });
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
