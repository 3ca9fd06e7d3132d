import { type Signal, signal } from '@preact/signals';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, type RequestFailure } from '../api/request-failure';
import { nextTask } from './next-task';
import { createResource, type Resource } from './resource';

type Wanted = { site: string; day?: number };

const UNAVAILABLE: RequestFailure = {
  kind: 'errorStatus',
  status: 503,
  code: null,
  detail: null,
  retryAfterSeconds: null,
  requestId: null,
};

let wanted: Signal<Wanted | null>;
let isReadable: Signal<boolean>;
let resource: Resource<Wanted, string>;
let asked: Wanted[];
let answer: (wanted: Wanted) => Promise<string>;

beforeEach(() => {
  vi.useFakeTimers();
  wanted = signal<Wanted | null>({ site: 'a' });
  isReadable = signal(true);
  asked = [];
  answer = async ({ site }) => `of ${site}`;
});

afterEach(() => {
  resource.stop();
  vi.useRealTimers();
});

async function start(): Promise<void> {
  const load = (next: Wanted) => {
    asked.push(next);
    return answer(next);
  };
  resource = createResource({ wanted, load, isReadable, now: Date.now });
  await settle();
}

const settle = async () => {
  await vi.advanceTimersByTimeAsync(0);
  // What was loaded is shown in a task of its own.
  await nextTask();
  await vi.advanceTimersByTimeAsync(0);
};
const failWith = (failure: RequestFailure) => {
  answer = () => Promise.reject(new ApiError(failure));
};

describe('what is loaded', () => {
  it('is loaded for what is wanted, and again when that changes by value', async () => {
    await start();
    expect(resource.loaded.value?.data).toBe('of a');
    wanted.value = { site: 'a' };
    await settle();
    expect(asked).toHaveLength(1);
    wanted.value = { site: 'b' };
    await settle();
    expect(resource.loaded.value?.data).toBe('of b');
  });

  it('stays in sight for another range of its site, and not for another site', async () => {
    await start();
    answer = () => new Promise(() => {});
    wanted.value = { site: 'a', day: 2 };
    expect(resource.loaded.value?.data).toBe('of a');
    wanted.value = { site: 'b' };
    expect(resource.loaded.value).toBeNull();
  });

  it('is that of the last wish, also where an earlier one responds later', async () => {
    const answers: ((data: string) => void)[] = [];
    answer = () => new Promise((resolve) => answers.push(resolve));
    await start();
    wanted.value = { site: 'b' };
    answers[1]?.('of b');
    await settle();
    answers[0]?.('of a');
    await settle();
    expect(resource.loaded.value?.data).toBe('of b');
  });

  it('is loaded once more after a refresh that comes while it is loaded', async () => {
    let end = (_data: string) => {};
    answer = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    await start();
    resource.refresh();
    resource.refresh();
    expect(asked).toHaveLength(1);
    end('first');
    await settle();
    expect(asked).toHaveLength(2);
  });
});

describe('what cannot be loaded', () => {
  it('is tried again by itself, more and more seldom', async () => {
    failWith(UNAVAILABLE);
    await start();
    const counts = [];
    for (const pause of [1_999, 1, 3_999, 1, 8_000]) {
      await vi.advanceTimersByTimeAsync(pause);
      counts.push(asked.length);
    }
    expect(counts).toEqual([1, 2, 2, 3, 4]);
    answer = async () => 'at last';
    await vi.advanceTimersByTimeAsync(16_000);
    expect(resource.loaded.value?.data).toBe('at last');
    expect(resource.failure.value).toBeNull();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(asked).toHaveLength(5);
  });

  it('is loaded at once when the service can be read again', async () => {
    isReadable.value = false;
    failWith(UNAVAILABLE);
    await start();
    answer = async () => 'healed';
    isReadable.value = true;
    await settle();
    expect(resource.loaded.value?.data).toBe('healed');
  });

  it.each<RequestFailure>([
    { kind: 'keyRejected', code: 'api_key_missing', scope: 'read' },
    { kind: 'noResponse', reason: 'impossibleSite' },
    { ...UNAVAILABLE, status: 404 },
  ])('is not tried again where that cannot succeed (%o)', async (failure) => {
    failWith(failure);
    await start();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(asked).toHaveLength(1);
  });

  it('leaves what was loaded before in sight', async () => {
    await start();
    failWith(UNAVAILABLE);
    resource.refresh();
    await settle();
    expect(resource.loaded.value?.data).toBe('of a');
    expect(resource.failure.value).toEqual(UNAVAILABLE);
  });
});
