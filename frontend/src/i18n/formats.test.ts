import english from 'virtual:messages/en';
import { describe, expect, it } from 'vitest';
import { createFormats } from './formats';
import { createTranslate } from './translation';

const formatsOf = (locale: string) => createFormats(locale, createTranslate(locale, english));
const formats = formatsOf('en-GB');
const PARIS = 'Europe/Paris';

describe('formats', () => {
  it('show a power to the milliwatt, and exactly where it matters', () => {
    expect(formats.power(1500.5555)).toBe('1,500.556');
    expect(formats.exactPower(1500.5555)).toBe('1,500.5555');
    expect(formats.power(0)).toBe('0');
    expect(formats.power(1e308)).toBe('1e+308');
    expect(formats.power(Number.NaN)).toBe('–');
  });

  it('write numbers as the locale does', () => {
    const german = formatsOf('de-DE');
    expect([german.power(1111), german.power(1.1)]).toEqual(['1.111', '1,1']);
    expect(formatsOf('de-CH').power(1500.5)).toMatch(/^1[’']500\.5$/);
    expect(formatsOf('fr-FR').power(1500.5)).toBe('1\u202f500,5');
  });

  it('align the decimals of a column', () => {
    const column = (format: (value: number | null) => string, ...values: number[]) => values.map(format);
    expect(column(formats.powerColumn([2275.8, 0, 1590.1234]), 2275.8, 0, 1590.1234)).toEqual([
      '2,275.800',
      '0.000',
      '1,590.123',
    ]);
    expect(column(formats.exactPowerColumn([0.12345, 7]), 0.12345, 7)).toEqual(['0.12345', '7.000']);
    expect(column(formats.energyColumn([34.61, 25]), 34.61, 25)).toEqual(['34.6', '25.0']);
    expect(column(formats.energyColumn([7.771, 25, null]), 7.771, 25)).toEqual(['7.77', '25.00']);
    expect(column(formats.energyColumn([1, 20, 0]), 1, 20, 0)).toEqual(['1', '20', '0']);
    expect(formats.energyColumn([])(null)).toBe('–');
  });

  it('choose the prefix of a power by its size', () => {
    expect([0, 950, 7500, 2e6, 1e308].map(formats.shortPower)).toEqual([
      '0 W',
      '950 W',
      '7.5 kW',
      '2 MW',
      '1e308 W',
    ]);
  });

  it('choose the unit of a span by its size', () => {
    const spans = [0.4, 1, 90_000, 5_400_000, 86_400_000].map(formats.span);
    // Browsers differ in the singular of units.
    expect(spans.map((text) => text.replace(/s$/, ''))).toEqual(['0 m', '1 m', '1.5 min', '1.5 hr', '1 day']);
  });

  it('show bytes and rates', () => {
    const bytes = [850_000, 19_400_000, 9_200_000_000].map((bytes) => formats.bytes(bytes));
    expect([...bytes, formats.rate(41.25)]).toEqual(['850 kB', '19.4 MB', '9.2 GB', '41.3/s']);
  });

  it('name the months as the locale does', () => {
    expect(formatsOf('fr').dateNames.MMM[1]).toBe('févr.');
    expect(formats.dateNames.WWWW[0]).toBe('Sunday');
  });
});

describe('a time', () => {
  it('has its month in letters, and milliseconds only when there are any', () => {
    const instant = Date.UTC(2024, 0, 2, 10, 30);
    expect(formats.time(instant, PARIS)).toBe('02 Jan 2024, 11:30:00');
    expect(formats.time(instant + 120, PARIS)).toBe('02 Jan 2024, 11:30:00.120');
    expect(formatsOf('de-DE').time(instant, PARIS)).toBe('02. Jan. 2024, 11:30:00');
    expect(formats.time(Number.NaN, PARIS)).toBe('–');
  });

  it('has its offset where the clock shows it twice', () => {
    const first = Date.UTC(2024, 9, 27, 0, 30);
    expect(formats.time(first, PARIS)).toBe('27 Oct 2024, 02:30:00 +02:00');
    expect(formats.time(first + 3_600_000, PARIS)).toBe('27 Oct 2024, 02:30:00 +01:00');
    expect(formats.time(first + 7_200_000, PARIS)).toBe('27 Oct 2024, 03:30:00');
    expect(formats.time(first - 3_600_000, PARIS)).toBe('27 Oct 2024, 01:30:00');
  });
});
