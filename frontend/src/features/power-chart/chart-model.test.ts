import { describe, expect, it } from 'vitest';
import { type DeviceSeries, SeriesBuilder } from '../../lib/series';
import type { View } from '../../lib/url-state';
import { formats, t } from '../../testing/texts';
import { type ChartModel, chartModel, hasReadings, latestOf, summary, withToggled } from './chart-model';

const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const VIEW: View = { site: 's', range: null, devices: null, order: 'newest' };

function device(id: string, times: number[]): DeviceSeries {
  const builder = new SeriesBuilder(id);
  for (const time of times) builder.add(time, time % 1000);
  return builder.finish();
}

function model(devices: DeviceSeries[], view: Partial<View> = {}): ChartModel {
  const made = chartModel(devices, { ...VIEW, ...view }, NOW);
  if (made === null) throw new Error('expected something to draw');
  return made;
}

const many = Array.from({ length: 20 }, (_, index) => device(`d${index}`, [NOW - index * MINUTE]));

describe('the chart of a site', () => {
  it('is null when no reading can be drawn', () => {
    expect(chartModel([device('a', [])], VIEW, NOW)).toBeNull();
  });

  it('draws the first dozen devices unless asked for others', () => {
    expect(model(many).drawn.size).toBe(12);
    expect([...model(many, { devices: ['d19'] }).drawn]).toEqual(['d19']);
  });

  it('writes ticked devices into the address only when they differ from its own choice', () => {
    const without = withToggled(model(many), 'd3');
    expect(without).toHaveLength(11);
    expect(withToggled(model(many, { devices: without }), 'd3')).toBeNull();
  });

  it('does not take the reading of a clock that runs ahead for the latest one', () => {
    const ahead = device('a', [NOW - MINUTE, NOW + 4 * MINUTE, NOW + 6 * MINUTE]);
    expect(latestOf(ahead, NOW)?.time).toBe(NOW + 4 * MINUTE);
    expect(latestOf(device('b', [NOW + 6 * MINUTE]), NOW)).toBeNull();
  });

  it('sees that a zoom shows nothing', () => {
    const devices = [device('a', [NOW - 60 * MINUTE, NOW])];
    expect(hasReadings(model(devices))).toBe(true);
    expect(hasReadings(model(devices, { range: { from: NOW - 40 * MINUTE, to: NOW - MINUTE } }))).toBe(false);
  });

  it('is told in words, with its gaps and with what it leaves out', () => {
    const devices = [device('a', [0, NOW - 300 * MINUTE, NOW - MINUTE, NOW])];
    expect(summary(model(devices), null, NOW, 'UTC', { t, formats }).join(' ')).toBe(
      '1 line of 1 device, from 31 Dec 2025, 19:00:00 to 01 Jan 2026, 00:00:00 (UTC). ' +
        '2 gaps in the readings, drawn as gaps. ' +
        '1 reading with a time before 2000 or more than two days ahead: in the table only.',
    );
  });
});
