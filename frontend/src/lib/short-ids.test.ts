import { describe, expect, it } from 'vitest';
import { shortIds } from './short-ids';

const circuits = Array.from({ length: 20 }, (_, index) => {
  const number = String(index).padStart(2, '0');
  return `twenty-distribution-board-3-circuit-${number}-kitchen-and-living-room`;
});
const shown = (ids: readonly string[], maxChars: number) =>
  ids.map((id) => shortIds(ids, maxChars).get(id) ?? id);

describe('ids that are seen together', () => {
  it.each([20, 28, 40])('can be told apart in %i characters', (maxChars) => {
    const forms = shown(circuits, maxChars);
    expect(new Set(forms).size).toBe(20);
    expect(forms.every((form) => form.length <= maxChars)).toBe(true);
  });

  it('show the part that differs, from the beginning of its word on', () => {
    expect(shown(circuits, 20)[7]).toBe('twen…07-kitchen-and…');
  });

  it('stay as they are where they are short, and are cut in the middle where that tells them apart', () => {
    expect(
      shown(['short', 'a-very-long-name-of-a-device-01', 'a-very-long-name-of-a-device-02'], 20),
    ).toEqual(['short', 'a-very-lon…device-01', 'a-very-lon…device-02']);
  });

  it('are told apart where several parts differ', () => {
    const ids = ['x', 'y'].flatMap((house) =>
      ['1', '2'].map(
        (floor) => `the-long-street-${house}-${'and-so-on-'.repeat(3)}${floor}-${'z'.repeat(20)}`,
      ),
    );
    expect(new Set(shown(ids, 20)).size).toBe(4);
  });

  it('may be the beginning of each other, or have letters without a shape', () => {
    const long = 'n'.repeat(30);
    const ids = [long, `${long}n`, `\u200b${long}`, `\u200c${long}`];
    expect(new Set(shown(ids, 20)).size).toBeGreaterThanOrEqual(3);
  });
});
