/** The health of one service, asked once a second: what it reports, or that it does not answer. */
import { type ReadonlySignal, signal } from '@preact/signals';
import { type RequestFailure, toRequestFailure } from '../../api/request-failure';
import type { Visibility } from '../../app/environment';
import { type Polling, pollWhileVisible } from '../../app/polling';

export type ServiceHealth =
  | { phase: 'unknown' }
  | { phase: 'up' }
  /** It answers, and has no connection to Redis. */
  | { phase: 'withoutRedis' }
  /** It has not answered for `LATE_MS`; the request goes on. */
  | { phase: 'late' }
  | { phase: 'away'; failure: RequestFailure };

/** Health that is older than two seconds is not shown as the present one: a second here and one of `LATE_MS`. */
const POLL_MS = 1_000;
const LATE_MS = 1_000;
/** A request that hangs longer is given up, since its connection may be dead. */
const TIMEOUT_MS = 5_000;

export interface ServiceHealthState extends Polling {
  health: ReadonlySignal<ServiceHealth>;
  /** The time of the last response, null before the first one. */
  lastAnswer: ReadonlySignal<number | null>;
}

type GetHealth = (timeoutMs: number) => Promise<{ redis_connected: boolean }>;

export function createServiceHealth(
  get: GetHealth,
  { visibility, now }: { visibility: Visibility; now: () => number },
): ServiceHealthState {
  const health = signal<ServiceHealth>({ phase: 'unknown' });
  const lastAnswer = signal<number | null>(null);
  const show = (next: ServiceHealth) => {
    // What is drawn from it is drawn again for a change only.
    if (JSON.stringify(next) !== JSON.stringify(health.peek())) health.value = next;
  };
  const check = async () => {
    const late = setTimeout(() => show({ phase: 'late' }), LATE_MS);
    try {
      const { redis_connected } = await get(TIMEOUT_MS);
      show({ phase: redis_connected ? 'up' : 'withoutRedis' });
      lastAnswer.value = now();
    } catch (error) {
      show({ phase: 'away', failure: toRequestFailure(error) });
    } finally {
      clearTimeout(late);
    }
    return POLL_MS;
  };
  return { health, lastAnswer, ...pollWhileVisible(visibility, check) };
}
