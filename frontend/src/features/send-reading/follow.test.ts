import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GIVE_UP_AFTER_MS, untilStored } from './follow';

const NEVER = new AbortController().signal;

describe('untilStored', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  /** Lets the clock run until a promise settles. */
  async function settled<T>(promise: Promise<T>): Promise<T> {
    const result = promise.finally(() => vi.clearAllTimers());
    result.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(2 * GIVE_UP_AFTER_MS);
    return result;
  }

  it('tells how long it took', async () => {
    const storedAt = performance.now() + 400;
    const after = await settled(untilStored(async () => performance.now() >= storedAt, NEVER));
    expect(after).toBeGreaterThanOrEqual(400);
    expect(after).toBeLessThan(1000);
  });

  it('gives up after half a minute, having asked less and less often', async () => {
    const isStored = vi.fn(async () => false);
    expect(await settled(untilStored(isStored, NEVER))).toBeNull();
    expect(isStored.mock.calls.length).toBeLessThan(20);
  });

  it('rests longer than the answers take', async () => {
    const slowly = vi.fn(async () => {
      await new Promise((resolve) => setTimeout(resolve, 4000));
      return false;
    });
    expect(await settled(untilStored(slowly, NEVER))).toBeNull();
    expect(slowly.mock.calls.length).toBeLessThanOrEqual(3);
  });

  it('takes an error for “not yet”', async () => {
    const isStored = vi.fn(async () => true).mockRejectedValueOnce(new Error('503'));
    expect(await settled(untilStored(isStored, NEVER))).not.toBeNull();
    expect(isStored).toHaveBeenCalledTimes(2);
  });

  it('ends at once when another reading is sent', async () => {
    const other = new AbortController();
    const isStored = vi.fn(async () => {
      other.abort();
      return false;
    });
    await expect(settled(untilStored(isStored, other.signal))).rejects.toThrow();
    expect(isStored).toHaveBeenCalledTimes(1);
  });
});
