import { describe, expect, it } from 'vitest';
import { parseDecimal, separatorsOf } from './decimal';

const read = (text: string, locale = 'en-GB') => {
  const result = parseDecimal(text, separatorsOf(locale));
  return result.kind === 'number' ? result.value : result.kind;
};

describe('a number as it is typed', () => {
  it('has a point or a comma, whatever the locale, where only one reading is possible', () => {
    for (const locale of ['en-GB', 'de-DE', 'fr-FR', 'es-ES', 'de-CH']) {
      for (const text of [
        '1500.55',
        '1500,55',
        '1.500,55',
        '1,500.55',
        '1 500,55',
        '1 500.55',
        '1\u202f500,55',
        '1’500.55',
        "1'500,55",
        ' +1500.55 ',
      ])
        expect(read(text, locale), `${text} in ${locale}`).toBe(1500.55);
    }
  });

  it('is read by the locale where two readings are possible', () => {
    expect([read('1,500', 'en-GB'), read('1.500', 'en-GB')]).toEqual([1500, 1.5]);
    expect([read('1,500', 'de-DE'), read('1.500', 'de-DE')]).toEqual([1.5, 1500]);
    expect([read('1,500', 'es-ES'), read('1.500', 'es-ES')]).toEqual([1.5, 1500]);
  });

  it('is an error where the locale writes neither of them', () => {
    expect(read('1,500', 'fr-FR')).toBe(1.5);
    expect(read('1.500', 'fr-FR')).toBe('decimal_ambiguous');
    expect(read('1,500', 'de-CH')).toBe('decimal_ambiguous');
  });

  it('may be grouped several times, and only in threes', () => {
    expect([read('1,234,567'), read('1.234.567'), read('1 234 567.5')]).toEqual([
      1234567, 1234567, 1234567.5,
    ]);
    for (const text of ['12,34,567', '1,2345.5', '15 00', '1 5', '0,123,456', '1.234,567.8'])
      expect(read(text), text).toBe('decimal_invalid');
  });

  it('is a fraction after a zero or after more than three digits', () => {
    expect([read('0,500'), read('0.500'), read('1500,550'), read('-3,5')]).toEqual([0.5, 0.5, 1500.55, -3.5]);
  });

  it('may have an exponent', () => {
    expect([read('1e3'), read('1,5E-2')]).toEqual([1000, 0.015]);
    expect(read('1e400')).toBe('decimal_too_large');
  });

  it('is nothing else', () => {
    for (const text of [
      '12abc',
      '0x10',
      '1.',
      ',5',
      '1..5',
      'NaN',
      'Infinity',
      '1_000',
      '--1',
      '１５',
      '1 kW',
    ])
      expect(read(text), text).toBe('decimal_invalid');
    expect(read('  ')).toBe('empty');
  });
});
