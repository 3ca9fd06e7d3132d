import { describe, expect, it } from 'vitest';
import type { AggregateBucket } from '../../api/types';
import { barUnit, possibleUnits } from './bar-units';
import { barsModel } from './bars-model';

const DAY = 86_400_000;
const days = (count: number) => ({ from: 0, to: count * DAY });

function bucket(index: number, imported: number | null, exported = 0, coverage = 1): AggregateBucket {
  const [start, end] = [`${index}`, `${index + 1}`];
  const net = imported === null ? null : imported - exported;
  const power = { min: null, min_at: null, max: null, max_at: null, mean: net };
  const energy = { energy_kwh: net, import_kwh: imported, export_kwh: exported, coverage };
  return { start, end, count: 1, repeats: 0, ...power, ...energy };
}

describe('the length of a bar', () => {
  it.each([
    [1, 'hour'],
    [2, 'hour'],
    [7, 'day'],
    [31, 'day'],
    [366, 'month'],
    [3650, 'year'],
  ] as const)('is in a period of %i days usually one %s', (count, unit) => {
    expect(barUnit(days(count), null)).toBe(unit);
  });

  it('is what was chosen as long as the bars can be told apart', () => {
    expect(barUnit(days(366), 'day')).toBe('day');
    expect(barUnit(days(366), 'hour')).toBe('month');
    expect(possibleUnits(days(366))).toEqual(['day', 'month', 'year']);
    expect(possibleUnits({ from: 0, to: 60_000 })).toEqual(['hour']);
  });
});

describe('the bars', () => {
  it('stand side by side, as high as their energy', () => {
    const { bars } = barsModel([
      { device_id: 'a', buckets: [bucket(0, 10), bucket(1, null)] },
      { device_id: 'b', buckets: [bucket(0, 5), bucket(1, 10)] },
    ]);
    expect(bars.map(({ series, bucket }) => [series, bucket.start])).toEqual([
      [0, '0'],
      [1, '0'],
      [1, '1'],
    ]);
    const [first, second] = bars;
    expect((first?.height ?? 0) / (second?.height ?? 1)).toBeCloseTo(2);
    expect((first?.x ?? 0) + (first?.width ?? 0)).toBeCloseTo(second?.x ?? 0);
  });

  it('have export below the line, and are marked where a tenth of the time is missing', () => {
    const { bars, ticks } = barsModel([{ device_id: 'a', buckets: [bucket(0, 2, 1, 0.89)] }]);
    const zero = ticks.find(({ kWh }) => kWh === 0)?.y ?? 0;
    expect(bars.map(({ isExport, isPartial }) => ({ isExport, isPartial }))).toEqual([
      { isExport: false, isPartial: true },
      { isExport: true, isPartial: true },
    ]);
    expect((bars[0]?.y ?? 0) + (bars[0]?.height ?? 0)).toBeCloseTo(zero);
    expect(bars[1]?.y).toBeCloseTo(zero);
  });

  it('have a scale of few lines from zero on', () => {
    const { ticks } = barsModel([{ device_id: 'a', buckets: [bucket(0, 39.5)] }]);
    expect(ticks.map(({ kWh }) => kWh)).toEqual([0, 10, 20, 30, 40]);
  });
});
