import { describe, expect, it } from 'vitest';
import type { AggregateBucket, AggregateSeries, StoredReading } from '../../api/types';
import { formats, t } from '../../testing/texts';
import { chartModel, drawnDevices, summary, withToggled } from './chart-model';
import { TOTAL } from './colours';
import { chartData } from './load-chart';

const NOON = Date.UTC(2024, 0, 15, 12);
const HOUR = 3_600_000;
const many = Array.from({ length: 20 }, (_, index) => `d${String(index).padStart(2, '0')}`);

function bucket(hour: number, mean: number, max: number): AggregateBucket {
  const start = new Date(NOON + hour * HOUR).toISOString();
  const end = new Date(NOON + (hour + 1) * HOUR).toISOString();
  const energy = { energy_kwh: mean, import_kwh: mean, export_kwh: 0, coverage: 1 };
  return { start, end, count: 60, repeats: 0, min: 0, min_at: start, max, max_at: start, mean, ...energy };
}

const series = (device_id: string | null, ...buckets: AggregateBucket[]): AggregateSeries => ({
  device_id,
  buckets,
});
const reading = (device_id: string, power_reading: number): StoredReading => {
  const timestamp = new Date(NOON).toISOString();
  return { stream_id: '1-0', site_id: 's', device_id, power_reading, timestamp, ingested_at: timestamp };
};

describe('the chart of a site', () => {
  it('draws the first dozen devices unless asked for others', () => {
    expect(drawnDevices(many, null).size).toBe(12);
    expect([...drawnDevices(many, ['d19'])]).toEqual(['d19']);
  });

  it('writes ticked devices into the address only when they differ from its own choice', () => {
    const without = withToggled(many, drawnDevices(many, null), 'd03');
    expect(without).toHaveLength(11);
    expect(withToggled(many, drawnDevices(many, without), 'd03')).toBeNull();
  });

  it('draws the buckets where readings are many, and the readings where they are few', async () => {
    const loaded = [series('a', bucket(0, 5, 9))];
    const drawn = new Set(['a']);
    const bucketed = chartModel(await chartData(loaded, '1h', null), ['a'], drawn);
    expect(bucketed).toMatchObject({ interval: '1h', data: { times: [NOON + HOUR / 2] } });
    const exact = chartModel(await chartData(loaded, '1h', [reading('a', 7)]), ['a'], drawn);
    expect(exact).toMatchObject({ interval: null, data: { times: [NOON] } });
  });

  it('gives each device the colour of its place, whichever are drawn, and the sum its own', async () => {
    const loaded = [series('b', bucket(0, 5, 9)), series(null, bucket(0, 6, 9))];
    const { lines } = chartModel(await chartData(loaded, '1h', null), ['a', 'b'], new Set(['b']));
    expect(lines).toEqual([
      { id: 'b', colour: 1 },
      { id: null, colour: TOTAL },
    ]);
  });

  it('is told in words, with its highest value and its gaps', async () => {
    const loaded = [series('a', bucket(0, 5, 9), bucket(3, 5, 4321.5))];
    const model = chartModel(await chartData(loaded, '1h', null), ['a'], new Set(['a']));
    const words = summary(model, { from: NOON, to: NOON + 4 * HOUR }, 'UTC', { t, formats });
    expect(words.join(' ')).toBe(
      '1 line from 15 Jan 2024, 12:00:00 to 15 Jan 2024, 16:00:00 (UTC). ' +
        'Highest: 4,321.5 W at 15 Jan 2024, 15:00:00. ' +
        'Lines are means over 1 hr, bands run from the lowest to the highest reading. ' +
        '1 gap in the readings, drawn as gaps.',
    );
  });
});
