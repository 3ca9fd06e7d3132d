import { describe, expect, it } from 'vitest';
import { truncateMiddle } from './truncate-middle';

describe('truncateMiddle', () => {
  it('leaves a short id alone', () => {
    expect(truncateMiddle('house-01', 8)).toBe('house-01');
  });

  it('keeps the beginning and the end of a long one', () => {
    expect(truncateMiddle('customer-4711-building-7-meter-3', 15)).toBe('custome…meter-3');
  });

  it('does not cut an emoji in half', () => {
    expect(truncateMiddle('🏠🏠🏠🏠🏠🏠', 5)).toBe('🏠🏠…🏠🏠');
  });
});
