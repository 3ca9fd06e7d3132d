import { signal } from '@preact/signals';
import { screen } from '@testing-library/preact';
import { describe, expect, it } from 'vitest';
import { renderInApp } from '../../testing/render';
import type { ChartModel } from './chart-model';
import { type Point, Readout } from './Readout';

const NOON = Date.UTC(2024, 0, 15, 12);
const HOUR = 3_600_000;

/** Means of hours, and a line that ends with the first of them. */
const MODEL: ChartModel = {
  lines: [
    { id: 'main-meter', colour: 0 },
    { id: 'pv-inverter', colour: 1 },
  ],
  data: {
    times: [NOON, NOON + HOUR, NOON + 2 * HOUR],
    lines: [
      { powers: [700, 800, 900], lows: [0, 0, 0], highs: [1590, 2000, 2500], isolatedPoints: [] },
      { powers: [100, null, null], lows: [100, null, null], highs: [100, null, null], isolatedPoints: [] },
    ],
  },
  interval: '1h',
  gaps: 0,
  peak: null,
};

const at = (time: number) => signal<Point | null>({ time, share: 0.2 });

describe('the readout', () => {
  it('says what is drawn at the nearest point: its time, its mean and its extremes', async () => {
    await renderInApp(<Readout model={MODEL} point={at(NOON + 0.8 * HOUR)} zone="UTC" />);
    expect(screen.getByText(/15 Jan 2024, 13:00:00 \(mean of 1 hr\)/)).toBeTruthy();
    expect(screen.getByText(/^800 W/).textContent).toBe('800 W 0 – 2,000 W');
    expect(screen.getByText('no reading')).toBeTruthy();
  });

  it('has no mean where readings themselves are drawn', async () => {
    await renderInApp(<Readout model={{ ...MODEL, interval: null }} point={at(NOON)} zone="UTC" />);
    expect(screen.queryByText(/mean of/)).toBeNull();
  });

  it('is not there without a pointer, and without a point', async () => {
    const empty = { ...MODEL, data: { times: [], lines: [] } };
    const { container } = await renderInApp(
      <>
        <Readout model={MODEL} point={signal(null)} zone="UTC" />
        <Readout model={empty} point={at(NOON)} zone="UTC" />
      </>,
    );
    expect(container.textContent).toBe('');
  });
});
