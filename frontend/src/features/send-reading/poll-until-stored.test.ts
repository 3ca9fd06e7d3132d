import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../api/request-failure';
import { POLL_TIMEOUT_MS, pollUntilStored } from './poll-until-stored';

const NEVER = new AbortController().signal;

describe('pollUntilStored', () => {
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
    await vi.advanceTimersByTimeAsync(2 * POLL_TIMEOUT_MS);
    return result;
  }

  it('resolves with the time it took', async () => {
    const storedAt = performance.now() + 400;
    const after = await settled(pollUntilStored(async () => performance.now() >= storedAt, NEVER));
    expect(after).toBeGreaterThanOrEqual(400);
    expect(after).toBeLessThan(1000);
  });

  it('times out after half a minute, with growing delays between the requests', async () => {
    const isStored = vi.fn(async () => false);
    expect(await settled(pollUntilStored(isStored, NEVER))).toBeNull();
    expect(isStored.mock.calls.length).toBeLessThan(20);
  });

  it('waits longer than the responses take', async () => {
    const slowly = vi.fn(async () => {
      await new Promise((resolve) => setTimeout(resolve, 4000));
      return false;
    });
    expect(await settled(pollUntilStored(slowly, NEVER))).toBeNull();
    expect(slowly.mock.calls.length).toBeLessThanOrEqual(3);
  });

  it('treats an error as “not stored yet”', async () => {
    const isStored = vi.fn(async () => true).mockRejectedValueOnce(new Error('503'));
    expect(await settled(pollUntilStored(isStored, NEVER))).not.toBeNull();
    expect(isStored).toHaveBeenCalledTimes(2);
  });

  it('stops at once when the API key does not read', async () => {
    const rejected = new ApiError({ kind: 'keyRejected', code: 'scope_missing', scope: 'read' });
    const isStored = vi.fn(async () => true).mockRejectedValueOnce(rejected);
    await expect(settled(pollUntilStored(isStored, NEVER))).rejects.toBe(rejected);
    expect(isStored).toHaveBeenCalledTimes(1);
  });

  it('stops at once when it is aborted', async () => {
    const other = new AbortController();
    const isStored = vi.fn(async () => {
      other.abort();
      return false;
    });
    await expect(settled(pollUntilStored(isStored, other.signal))).rejects.toThrow();
    expect(isStored).toHaveBeenCalledTimes(1);
  });
});
