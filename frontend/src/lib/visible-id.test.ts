import { describe, expect, it } from 'vitest';
import { visibleId } from './visible-id';

describe('an id', () => {
  it('is shown as it is, whatever script it is in', () => {
    for (const id of ['house-01', 'maison n°1/étage', 'مبنى', 'می‌خواهم', '👩‍👩‍👧', 'a b'])
      expect(visibleId(id)).toBe(id);
  });

  it('shows blanks at its ends, also when it has nothing else', () => {
    expect([visibleId(' '), visibleId(' a b  ')]).toEqual(['␣', '␣a b␣␣']);
  });

  it('names characters that have no shape or turn the text around', () => {
    expect(visibleId('\u200b')).toBe('‹U+200B›');
    expect(visibleId('\u202eetis-evil')).toBe('‹U+202E›etis-evil');
    expect(visibleId('a\u00a0b\u2028')).toBe('a‹U+00A0›b‹U+2028›');
  });
});
