import { signal } from '@preact/signals';
import { getHealth } from '../../api/client';
import { toMessage, toRequestFailure } from '../../api/request-failure';
import type { HealthReport } from '../../api/types';
import { pollWhileVisible } from '../../ui/poll';

export type Health =
  | { phase: 'unknown' }
  | { phase: 'known'; report: HealthReport; at: number }
  /** `lastAnswer` is the time of the last response, null if there was none. */
  | { phase: 'unreachable'; reason: string; lastAnswer: number | null };

const POLL_INTERVAL_MS = 10_000;
const RETRY_MS = 4_000;

export const health = signal<Health>({ phase: 'unknown' });

async function check(): Promise<number> {
  try {
    health.value = { phase: 'known', report: await getHealth(), at: Date.now() };
    return POLL_INTERVAL_MS;
  } catch (error) {
    health.value = {
      phase: 'unreachable',
      reason: toMessage(toRequestFailure(error)),
      lastAnswer: lastAnswer(),
    };
    return RETRY_MS;
  }
}

function lastAnswer(): number | null {
  const last = health.peek();
  if (last.phase === 'known') return last.at;
  return last.phase === 'unreachable' ? last.lastAnswer : null;
}

export const checkHealth = pollWhileVisible(check);
