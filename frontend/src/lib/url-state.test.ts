import { describe, expect, it } from 'vitest';
import { readView, type View, viewOfSite, writeView } from './url-state';

const PLAIN: View = { site: null, range: null, devices: null, order: 'newest' };

describe('the view in the address', () => {
  it('is empty for the plain page', () => {
    expect(writeView(PLAIN)).toBe('');
    expect(readView('')).toEqual(PLAIN);
  });

  it('comes back as it was written, whatever the ids hold', () => {
    const view: View = {
      site: 'a/b?c=d&e#f%2F <script> مبنى +1',
      range: { from: Date.UTC(2024, 0, 1), to: Date.UTC(2024, 0, 2) },
      devices: ['x,y', ' ', 'ü'],
      order: 'oldest',
    };
    expect(readView(writeView(view))).toEqual(view);
  });

  it('tells “no device” from “the page’s own choice”', () => {
    expect(readView(writeView({ ...PLAIN, devices: [] })).devices).toEqual([]);
  });

  it('ignores what makes no sense', () => {
    expect(readView('?from=yesterday&to=2024-01-01T00:00:00Z&order=sideways')).toEqual(PLAIN);
    expect(readView('?from=-271821-04-20T00:00:00Z&to=2024-01-01T00:00:00Z').range).toBeNull();
    expect(readView('?from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z').range).toBeNull();
  });

  it('forgets the zoom and the devices with the site they belong to, but not the order of the rows', () => {
    const view: View = { site: 'a', range: { from: 0, to: 1 }, devices: ['x'], order: 'oldest' };
    expect(viewOfSite('b', view)).toEqual({ ...PLAIN, site: 'b', order: 'oldest' });
  });
});
