const WHOLE = new Intl.NumberFormat('en');
const MILLIWATTS = new Intl.NumberFormat('en', { maximumFractionDigits: 3 });
const EXACT = new Intl.NumberFormat('en', { maximumFractionDigits: 20 });
const SHORT = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });

/** Beyond this, digits in groups of three stop being readable. */
const MAX_PLAIN = 1e15;

export function formatCount(count: number): string {
  return WHOLE.format(count);
}

/** `1 reading`, `2 readings`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A power to the milliwatt, without its unit: `2,275.8`. */
export function formatPower(watts: number): string {
  return formatWatts(watts, MILLIWATTS);
}

/** A power with every digit that was sent. */
export function formatExactPower(watts: number): string {
  return formatWatts(watts, EXACT);
}

function formatWatts(watts: number, plain: Intl.NumberFormat): string {
  if (!Number.isFinite(watts)) return '–';
  return Math.abs(watts) < MAX_PLAIN ? plain.format(watts) : watts.toExponential();
}

const PREFIXES = ['', 'k', 'M', 'G', 'T'];

/** A power for an axis, where space is short: `7.5 kW`. */
export function formatWattsShort(watts: number): string {
  if (Math.abs(watts) >= MAX_PLAIN) return `${watts.toExponential(0).replace('+', '')} W`;
  const power = Math.min(
    PREFIXES.length - 1,
    Math.floor(Math.log10(Math.max(Math.abs(watts), 1)) / 3 + 1e-9),
  );
  return `${SHORT.format(watts / 1000 ** power)} ${PREFIXES[power]}W`;
}

/** `850 kB`, `19.4 MB`. */
export function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${WHOLE.format(Math.ceil(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `340 ms`, `2.4 s`. */
export function formatDuration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

const SPANS: [milliseconds: number, unit: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

/** `17.5 h`: in the largest unit of which it has at least one. */
export function formatSpan(milliseconds: number): string {
  const [size, unit] = SPANS.find(([size]) => milliseconds >= size) ?? [1, 'ms'];
  return `${Number((milliseconds / size).toPrecision(3))} ${unit}`;
}
