import { describe, expect, it } from 'vitest';
import { readView, type View, viewOfSite, writeView } from './url-state';

const PLAIN: View = {
  site: null,
  period: null,
  zone: null,
  devices: null,
  order: 'newest',
  bars: null,
  total: false,
};

describe('the view in the address', () => {
  it('is empty for the plain page', () => {
    expect(writeView(PLAIN)).toBe('');
    expect(readView('')).toEqual(PLAIN);
  });

  it('comes back as it was written, whatever the ids hold', () => {
    const view: View = {
      site: 'a/b?c=d&e#f%2F <script> مبنى +1',
      period: { kind: 'range', from: Date.UTC(2024, 0, 1), to: Date.UTC(2024, 0, 2) },
      zone: 'America/Los_Angeles',
      devices: ['x,y', ' ', 'ü'],
      order: 'oldest',
      bars: 'day',
      total: true,
    };
    expect(readView(writeView(view))).toEqual(view);
  });

  it('tells “no device” from “the page’s own choice”', () => {
    expect(readView(writeView({ ...PLAIN, devices: [] })).devices).toEqual([]);
  });

  it('ignores what makes no sense', () => {
    expect(readView('?from=yesterday&to=2024-01-01T00:00:00Z&order=sideways&tz=Mars&bars=eon')).toEqual(
      PLAIN,
    );
    expect(readView('?range=fortnight')).toEqual(PLAIN);
    expect(readView('?from=-271821-04-20T00:00:00Z&to=2024-01-01T00:00:00Z').period).toBeNull();
    expect(readView('?from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z').period).toBeNull();
  });

  it('keeps for another site what is relative to now, and forgets dates and devices', () => {
    const view: View = {
      ...PLAIN,
      site: 'a',
      period: { kind: 'last', hours: 6 },
      devices: ['x'],
      order: 'oldest',
    };
    expect(viewOfSite('b', view)).toEqual({ ...view, site: 'b', devices: null });
    const dated: View = { ...view, period: { kind: 'dated', unit: 'day', date: '2016-11-06' } };
    expect(viewOfSite('b', dated).period).toBeNull();
  });
});
