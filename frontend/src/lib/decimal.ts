/**
 * Reads a number as people type it in their country: `1500.55`, `1500,55`, `1.500,55`, `1,500.55`, `1 500,55`, `1’500.55`.
 * What could be two numbers is read by the user's own locale, or is an error when that writes neither.
 */

export type Decimal = { kind: 'empty' } | { kind: 'number'; value: number } | { kind: DecimalError };

export type DecimalError = 'decimal_invalid' | 'decimal_ambiguous' | 'decimal_too_large';

export interface Separators {
  decimal: string;
  group: string;
}

/** Spaces of all widths and apostrophes only ever separate groups; each becomes a plain space. */
const GROUP_ONLY = /[\s\u00a0\u2007\u2009\u202f'’]/g;
const EXPONENT = /^[+-]?\d+(?:[.,]\d+)?e[+-]?\d{1,4}$/i;
const DIGITS = /^\d+$/;
const GROUPS = /^\d{1,3}([.,])\d{3}(?:\1\d{3})*$/;
const SPACED_GROUPS = /^[+-]?\d{1,3}(?: \d{3})+(?:[.,]\d+)?$/;

export function separatorsOf(locale: string): Separators {
  // Spanish groups from five digits on.
  const parts = new Intl.NumberFormat(locale).formatToParts(-1_234_567.8);
  const part = (wanted: string) => parts.find(({ type }) => type === wanted)?.value ?? '';
  return { decimal: part('decimal'), group: part('group') };
}

export function parseDecimal(text: string, separators: Separators): Decimal {
  const trimmed = text.trim().replace(/^−/, '-');
  if (trimmed === '') return { kind: 'empty' };
  const spaced = trimmed.replace(GROUP_ONLY, ' ');
  if (spaced.includes(' ') && !SPACED_GROUPS.test(spaced)) return { kind: 'decimal_invalid' };
  const canonical = canonicalOf(spaced.replaceAll(' ', ''), separators, spaced.includes(' '));
  if (typeof canonical !== 'string') return canonical;
  const value = Number(canonical);
  return Number.isFinite(value) ? { kind: 'number', value } : { kind: 'decimal_too_large' };
}

type Canonical = string | { kind: DecimalError };

/** The number as `Number` reads it. */
function canonicalOf(text: string, separators: Separators, isGrouped: boolean): Canonical {
  if (EXPONENT.test(text)) return text.replace(',', '.');
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  const digits = text.slice(sign.length);
  if (DIGITS.test(digits)) return sign + digits;
  const unsigned =
    GROUPS.test(digits) && !digits.startsWith('0') && !isGrouped
      ? grouped(digits, separators)
      : fraction(digits);
  return typeof unsigned === 'string' ? sign + unsigned : unsigned;
}

/** `1.500`, which is a thousand and a half, or one and a half; or `1.500.000`, which is one number only. */
function grouped(digits: string, { decimal, group }: Separators): Canonical {
  const [head = '', ...groups] = digits.split(/[.,]/);
  const separator = digits[head.length];
  if (groups.length === 1 && separator === decimal) return `${head}.${groups[0]}`;
  return groups.length > 1 || separator === group ? head + groups.join('') : { kind: 'decimal_ambiguous' };
}

/** The last separator is that of the fraction; before it there may be groups by the other one. */
function fraction(digits: string): Canonical {
  const last = Math.max(digits.lastIndexOf('.'), digits.lastIndexOf(','));
  const [head, separator, tail] = [digits.slice(0, last), digits[last] ?? '', digits.slice(last + 1)];
  if (!DIGITS.test(tail)) return { kind: 'decimal_invalid' };
  if (DIGITS.test(head)) return `${head}.${tail}`;
  const isGrouped = GROUPS.test(head) && !head.includes(separator) && !head.startsWith('0');
  return isGrouped ? `${head.replace(/[.,]/g, '')}.${tail}` : { kind: 'decimal_invalid' };
}
