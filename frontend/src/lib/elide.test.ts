import { describe, expect, it } from 'vitest';
import { elideMiddle } from './elide';

describe('elideMiddle', () => {
  it('leaves a short id alone', () => {
    expect(elideMiddle('house-01', 8)).toBe('house-01');
  });

  it('keeps the beginning and the end of a long one', () => {
    expect(elideMiddle('customer-4711-building-7-meter-3', 15)).toBe('custome…meter-3');
  });

  it('does not cut an emoji in half', () => {
    expect(elideMiddle('🏠🏠🏠🏠🏠🏠', 5)).toBe('🏠🏠…🏠🏠');
  });
});
